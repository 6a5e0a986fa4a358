import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeyEntry, keyEntrySchema } from '../../core/config.ts';
import { SCOPE_BREACH, type ScopeBreach } from '../../core/event.ts';
import { scopeFaults } from '../../enrich/scopes.ts';
import { AT, enricher, resolve, traits } from './fakes.ts';

type Scope = NonNullable<KeyEntry['scope']>;

/** Names of what a use of kong:a lies outside of, by one enricher for all uses. */
function judge(scope: Scope) {
  const entry = keyEntrySchema.parse({ id: 'kong:a', scope });
  const by = enricher({ directory: { all: () => [entry] } });
  return (texts: Parameters<typeof resolve>[0], environment?: string): ScopeBreach[] => {
    const source = traits({ environment });
    const { event } = resolve({ credentialId: 'a', ...texts }, { by, traits: source });
    const names = Object.keys(SCOPE_BREACH) as ScopeBreach[];
    return names.filter((name) => (event.scopeBreaches & SCOPE_BREACH[name]) !== 0);
  };
}

test('a route is declared as findings show it, or by what lies below', () => {
  const of = judge({ routes: ['/v1/orders/{orderId}', '/v2/*', 'billing'] });
  for (const target of [
    '/v1/orders/17',
    '/v1/orders/99?x=/v3',
    '/v2',
    '/v2/a/7/b',
    '/v2/a/b/c/d/e/f/g',
  ])
    assert.deepEqual(of({ target }), [], target);
  for (const target of ['/v1/orders', '/v1/orders/17/items', '/v20', '/', '/v1/v2/a'])
    assert.deepEqual(of({ target }), ['route'], target);
  assert.deepEqual(of({ route: 'billing', target: '/anything' }), []);
  assert.deepEqual(of({ route: 'refunds', target: '/v2/a' }), ['route']);
  assert.deepEqual(judge({ routes: ['/*'] })({ target: '/a/b' }), []);
});

test('a network is judged by the whole address, each scope by itself', () => {
  const of = judge({ networks: ['198.51.100.0/25', '203.0.113.9', '2001:db8:1::/48'] });
  const other = judge({ networks: ['198.51.100.128/25'] });
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(of({ clientAddress: '198.51.100.127' }), []);
    assert.deepEqual(of({ clientAddress: '198.51.100.128' }), ['network']);
    assert.deepEqual(other({ clientAddress: '198.51.100.128' }), []);
    assert.deepEqual(of({ clientAddress: '203.0.113.9' }), []);
    assert.deepEqual(of({ clientAddress: '::ffff:203.0.113.9' }), []);
    assert.deepEqual(of({ clientAddress: '203.0.113.8' }), ['network']);
    assert.deepEqual(of({ clientAddress: '2001:db8:1:ff::2' }), []);
    assert.deepEqual(of({ clientAddress: '2001:db8:2::2' }), ['network']);
  }
});

test('two keys used from one address are judged by their own networks', () => {
  const all = ['198.51.100.0/24', '203.0.113.0/24'].map((network, i) =>
    keyEntrySchema.parse({ id: `kong:${i}`, scope: { networks: [network] } }),
  );
  const by = enricher({ directory: { all: () => all } });
  for (let i = 0; i < 6; i++) {
    const { event } = resolve(
      { credentialId: String(i % 3), clientAddress: '198.51.100.7' },
      { by },
    );
    assert.equal(event.scopeBreaches, i % 3 === 1 ? SCOPE_BREACH.network : 0);
  }
});

test('methods in any case, environments of the source, and the end of its life', () => {
  const of = judge({ methods: ['get', 'POST'], environments: ['production'] });
  assert.deepEqual(of({ method: 'GET' }, 'production'), []);
  assert.deepEqual(of({ method: 'DELETE' }, 'staging'), ['method', 'environment']);
  const at = (ms: number): string => new Date(AT + ms).toISOString();
  assert.deepEqual(judge({ expiresAt: at(1) })({}), []);
  assert.deepEqual(judge({ expiresAt: at(0) })({}), ['expiry']);
});

test('what a record does not say is no breach; an empty list allows nothing', () => {
  const closed: Scope = { routes: [], methods: [], networks: [], environments: [] };
  const of = judge(closed);
  assert.deepEqual(of({}), []);
  assert.deepEqual(of({ clientAddress: 'nonsense' }), []);
  const all = { method: 'GET', target: '/a', clientAddress: '198.51.100.7' };
  assert.deepEqual(of(all, 'test'), ['route', 'method', 'network', 'environment']);
});

test('routes and networks that cannot be meant are told by their place', () => {
  const scope = {
    routes: ['/v1/*/x', '/v1/a*', '', '/v1/*'],
    networks: ['10.0.0.0/8', '10.0.0.0/33'],
  };
  assert.deepEqual(
    scopeFaults(scope).map(({ field, index }) => `${field} ${index}`),
    ['networks 1', 'routes 0', 'routes 1', 'routes 2'],
  );
});
