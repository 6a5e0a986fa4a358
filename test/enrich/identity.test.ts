import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { keyGroupOf } from '../../core/event.ts';
import { REJECTION } from '../../core/format.ts';
import { parseKeySpec } from '../../core/key-spec.ts';
import { enricher, format, resolve, traits } from './fakes.ts';

const RAW = 'kx_live_0123456789abcdef';
const hashed = (raw: string) =>
  `h:${createHmac('sha256', 'a pepper for tests only, 32 bytes').update(raw).digest('hex').slice(0, 32)}`;
type Texts = Parameters<typeof resolve>[0];

/** Id of the key that `--key SPEC` finds, else the rejection. */
function idBy(spec: string | undefined, texts: Texts): string | number {
  const key = spec === undefined ? undefined : parseKeySpec(spec);
  const { code, event } = resolve(texts, { traits: traits({ key }) });
  return code === REJECTION.ok ? event.key.id : code;
}

test('the id of a raw key is 128 bits of its HMAC under the pepper, the digest the same bits', () => {
  const { event } = resolve({ rawKey: RAW });
  assert.equal(event.key.id, hashed(RAW));
  const words = [event.key.digest0, event.key.digest1, event.key.digest2, event.key.digest3];
  assert.equal(
    words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(''),
    event.key.id.slice(2),
  );
  assert.equal(keyGroupOf(event.key), (event.key.digest0 >>> 0) % 256);
});

test("the gateway's credential id is the key, its digest that of the whole id", () => {
  const { event } = resolve({ credentialId: '7f2d', rawKey: RAW });
  assert.equal(event.key.id, 'kong:7f2d');
  const digest = createHash('sha256').update('kong:7f2d').digest();
  assert.deepEqual(
    [event.key.digest0, event.key.digest3],
    [digest.readInt32BE(0), digest.readInt32BE(12)],
  );
  const other = resolve(
    { credentialId: '7f2d' },
    { traits: traits({ format: format({ gateway: 'apisix' }) }) },
  );
  assert.equal(other.event.key.id, 'apisix:7f2d');
});

test('a credential id that is not printable, too long, or the raw key itself is hashed', () => {
  const bad = ['a\u001b[31mb', 'a\u202eb', 'a\nb', 'x'.repeat(257)];
  for (const credentialId of bad)
    assert.equal(idBy(undefined, { credentialId }), hashed(credentialId));
  assert.equal(idBy(undefined, { credentialId: RAW, rawKey: RAW }), hashed(RAW));
  assert.equal(
    idBy(undefined, { credentialId: `user-${RAW.toUpperCase()}`, rawKey: RAW }),
    hashed(RAW),
  );
  assert.equal(idBy(undefined, { credentialId: 'Käthe 7' }), 'kong:Käthe 7');
});

test('what logs write for "nothing" is no key', () => {
  for (const rawKey of [
    '',
    '-',
    'REDACTED',
    'redacted',
    '[REDACTED]',
    '****',
    '********************',
  ]) {
    assert.equal(idBy(undefined, { rawKey }), REJECTION.noKey, rawKey);
    assert.equal(idBy(undefined, { credentialId: rawKey, rawKey: 'k-1' }), hashed('k-1'), rawKey);
  }
  assert.equal(idBy(undefined, {}), REJECTION.noKey);
});

test('each kind of --key takes the key from its place', () => {
  const jwt = (claims: object) =>
    `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;
  const basic = `Basic ${Buffer.from('user-7:secret').toString('base64')}`;
  const cases: [string, Texts, string | number][] = [
    ['header:X-Key', { rawKey: RAW }, hashed(RAW)],
    ['field:account', { rawKey: 'acct 7' }, hashed('acct 7')],
    ['bearer', { rawKey: `Bearer ${RAW}` }, hashed(RAW)],
    ['bearer', { rawKey: `bEARER   ${RAW} ` }, hashed(RAW)],
    ['bearer', { rawKey: RAW }, hashed(RAW)],
    ['bearer', { rawKey: basic }, REJECTION.noKey],
    ['basic', { rawKey: basic }, hashed('user-7')],
    ['basic', { rawKey: basic.slice(6) }, hashed('user-7')],
    ['basic', { rawKey: `Bearer ${RAW}` }, REJECTION.noKey],
    ['basic', { rawKey: 'Basic !!!' }, REJECTION.noKey],
    ['jwt:sub', { rawKey: `Bearer ${jwt({ sub: 'acme' })}` }, hashed('acme')],
    ['jwt:sub', { rawKey: jwt({ sub: 17 }) }, hashed('17')],
    ['jwt:sub', { rawKey: jwt({ sub: ['x'] }) }, REJECTION.noKey],
    ['jwt:toString', { rawKey: jwt({}) }, REJECTION.noKey],
    ['jwt:sub', { rawKey: 'Bearer not.a.jwt' }, REJECTION.noKey],
    ['cookie:sid', { rawKey: `a=1; sid=${RAW}; b=2` }, hashed(RAW)],
    ['cookie:sid', { rawKey: RAW }, hashed(RAW)],
    ['cookie:sid', { rawKey: 'sid=a; sid=b' }, REJECTION.ambiguousKey],
    ['cookie:sid', { rawKey: 'a=1; xsid=2' }, REJECTION.noKey],
    ['query:token', { target: `/v1?a=b&token=${RAW}` }, hashed(RAW)],
    ['query:token', { target: `https://api.example.com/v1?token=${RAW}#x` }, hashed(RAW)],
    ['query:token', { target: '/v1?token=a%2Fb%2B' }, hashed('a/b+')],
    ['query:token', { target: '/v1?%74oken=x1' }, hashed('x1')],
    ['query:token', { target: '/v1?atoken=x1&token' }, REJECTION.noKey],
    ['query:token', { target: '/v1#?token=x1' }, REJECTION.noKey],
    ['query:token', { target: '/v1?token=a&token=b' }, REJECTION.ambiguousKey],
    ['query:token', { target: '/v1?token=a&token=%61' }, hashed('a')],
    ['path:^/t/([^/]+)', { target: '/t/acme%20inc/orders?x=/t/b' }, hashed('acme inc')],
    ['path:^/t/([^/]+)', { target: 'https://api.example.com/t/acme/orders' }, hashed('acme')],
    ['path:^/t/([^/]+)', { target: '/other' }, REJECTION.noKey],
    ['client_ip', { clientAddress: '[2001:DB8::1]:80' }, 'ip:2001:db8::1'],
    ['client_ip', { clientAddress: '198.51.100.7' }, 'ip:198.51.100.7'],
    ['client_ip', { clientAddress: '253.252.51.07' }, REJECTION.noKey],
    ['client_ip', { clientAddress: 'AWS Internal' }, REJECTION.noKey],
  ];
  for (const [spec, texts, expected] of cases) {
    assert.equal(idBy(spec, texts), expected, `${spec} ${JSON.stringify(texts)}`);
  }
});

test('without a spec a query parameter that may carry a key is used', () => {
  assert.equal(idBy(undefined, { target: `/v1?API_KEY=${RAW}` }), hashed(RAW));
  assert.equal(idBy(undefined, { target: `/v1?other=${RAW}` }), REJECTION.noKey);
});

test('two different raw keys are ambiguous, the same one twice is not', () => {
  assert.equal(idBy(undefined, { rawKey: 'a-1', target: '/?apikey=b-2' }), REJECTION.ambiguousKey);
  assert.equal(idBy(undefined, { target: '/?apikey=a-1&api_key=b-2' }), REJECTION.ambiguousKey);
  assert.equal(idBy(undefined, { rawKey: 'a-1', target: '/?apikey=%61-1' }), hashed('a-1'));
  assert.equal(idBy(undefined, { rawKey: 'a-1', target: '/?apikey=-' }), hashed('a-1'));
});

test('a made-up parameter does not hide a use that the gateway has named, and binds nothing', () => {
  const { event, by } = resolve({ credentialId: 'a', rawKey: RAW, target: '/?apikey=made-up' });
  assert.equal(event.key.id, 'kong:a');
  assert.equal(by.aliases.size, 0);
});

test('--key for the credential gives way to the credential id, other specs do not', () => {
  const texts = { credentialId: 'a', rawKey: RAW, clientAddress: '198.51.100.7' };
  assert.equal(idBy('header:x-key', texts), 'kong:a');
  assert.equal(idBy('client_ip', texts), 'ip:198.51.100.7');
  assert.equal(idBy('field:account', texts), hashed(RAW));
});

test('a record that shows both joins them: the raw key alone then is the credential', () => {
  const by = enricher();
  assert.equal(resolve({ rawKey: RAW }, { by }).event.key.id, hashed(RAW));
  resolve({ credentialId: 'a', rawKey: RAW }, { by });
  assert.equal(resolve({ rawKey: RAW }, { by }).event.key.id, 'kong:a');
  assert.equal(by.identify(RAW)?.id, 'kong:a');
  assert.equal(resolve({ rawKey: RAW }, { by, numbers: { status: 401 } }).event.key.id, 'kong:a');
});

test('the id that the decision endpoint answered is the key itself, or what it is bound to by then', () => {
  const by = enricher();
  const id = hashed(RAW);
  const { event } = resolve({ credentialId: id }, { by });
  assert.equal(event.key.id, id);
  assert.deepEqual({ ...event.key }, { ...resolve({ rawKey: RAW }, { by }).event.key });
  resolve({ credentialId: 'a', rawKey: RAW }, { by });
  for (let i = 0; i < 3; i++)
    assert.equal(resolve({ credentialId: id }, { by }).event.key.id, 'kong:a');
  assert.equal(resolve({ credentialId: `${id}0` }, { by }).event.key.id, `kong:${id}0`);
});

test('a hash binds no raw key that a record shows beside it', () => {
  const by = enricher();
  resolve({ credentialId: hashed('another'), rawKey: RAW }, { by });
  assert.equal(by.aliases.size, 0);
});

test('a claimed record binds nothing', () => {
  const by = enricher();
  resolve({ credentialId: 'a', rawKey: RAW }, { by, numbers: { status: 401 } });
  const claimed = traits({ identity: 'claimed' });
  resolve({ credentialId: 'a', rawKey: RAW }, { by, traits: claimed });
  assert.equal(resolve({ rawKey: RAW }, { by }).event.key.id, hashed(RAW));
});

test('the first binding stays; a second id for the same key is counted', () => {
  const by = enricher();
  resolve({ credentialId: 'a', rawKey: RAW }, { by });
  assert.equal(resolve({ credentialId: 'b', rawKey: RAW }, { by }).event.key.id, 'kong:b');
  assert.equal(resolve({ rawKey: RAW }, { by }).event.key.id, 'kong:a');
  assert.equal(by.aliases.conflicts, 1);
  for (let i = 0; i < 3; i++) resolve({ credentialId: 'b', rawKey: RAW }, { by });
  resolve({ credentialId: 'a', rawKey: RAW }, { by });
  assert.equal(by.aliases.conflicts, 4);
});

test('the first attested record binds, however often the same was claimed before', () => {
  const by = enricher();
  const both = { credentialId: 'a', rawKey: RAW };
  for (let i = 0; i < 3; i++) resolve(both, { by, numbers: { status: 401 } });
  assert.equal(by.identify(RAW)?.id, hashed(RAW));
  resolve(both, { by });
  assert.equal(by.identify(RAW)?.id, 'kong:a');
});

test('a key in use is bound again after its binding was dropped', () => {
  const by = enricher({ aliasesMax: 1 });
  for (const id of ['a', 'b', 'a']) resolve({ credentialId: id, rawKey: `raw-${id}` }, { by });
  assert.equal(resolve({ rawKey: 'raw-a' }, { by }).event.key.id, 'kong:a');
  assert.equal(resolve({ rawKey: 'raw-b' }, { by }).event.key.id, hashed('raw-b'));
});

test('a binding seen in one source holds in all, whatever they saw before', () => {
  const by = enricher();
  const bearer = traits({ key: parseKeySpec('bearer') });
  const id = () => resolve({ rawKey: `Bearer ${RAW}` }, { by, traits: bearer }).event.key.id;
  assert.deepEqual([id(), id()], [hashed(RAW), hashed(RAW)]);
  resolve({ credentialId: 'a', rawKey: RAW }, { by });
  assert.deepEqual([id(), id()], ['kong:a', 'kong:a']);
});

test('bindings survive a restart, and a full table drops the oldest', () => {
  const by = enricher({ aliasesMax: 2 });
  for (const id of ['a', 'b', 'c']) resolve({ credentialId: id, rawKey: `raw-${id}` }, { by });
  const next = enricher();
  assert.equal(resolve({ rawKey: 'raw-b' }, { by: next }).event.key.id, hashed('raw-b'));
  next.restoreAliases(by.aliases.snapshot());
  const id = (raw: string) => resolve({ rawKey: raw }, { by: next }).event.key.id;
  assert.deepEqual([id('raw-a'), id('raw-b'), id('raw-c')], [hashed('raw-a'), 'kong:b', 'kong:c']);
  assert.deepEqual(next.aliases.snapshot(), by.aliases.snapshot());
  assert.equal(resolve({ rawKey: 'raw-a' }, { by }).event.key.id, hashed('raw-a'), 'dropped live');
  for (const cut of [0, 3, 20]) {
    const part = by.aliases.snapshot().subarray(0, cut);
    assert.throws(() => next.restoreAliases(part), /alias table/);
  }
});

test('what was seen before is recalled for the very same fields only', () => {
  const by = enricher();
  const id = (texts: Texts) => resolve(texts, { by }).event.key.id;
  for (let round = 0; round < 2; round++) {
    assert.equal(id({ credentialId: 'ab', rawKey: 'c', consumer: 'd' }), 'kong:ab');
    assert.equal(id({ credentialId: 'a', rawKey: 'bc', consumer: 'd' }), 'kong:a');
    assert.equal(id({ credentialId: 'abc', consumer: 'd' }), 'kong:abc');
    assert.equal(id({ credentialId: 'abcd' }), 'kong:abcd');
    assert.equal(id({ rawKey: 'abcd' }), hashed('abcd'));
    const ip = traits({ key: { kind: 'client_ip' } });
    for (const clientAddress of ['198.51.100.7', '198.51.100.8']) {
      const { event } = resolve({ rawKey: 'abcd', clientAddress }, { by, traits: ip });
      assert.equal(event.key.id, `ip:${clientAddress}`);
    }
  }
});

test('identities do not depend on what the caches hold', () => {
  const small = enricher({ cacheSlots: 4 });
  const large = enricher({ cacheSlots: 4096 });
  // Records of one source: what is remembered of keys is remembered of a source.
  const source = traits();
  for (let i = 0; i < 3000; i++) {
    const texts = {
      rawKey: `raw-key-${i % 700}-${'x'.repeat(i % 90)}`,
      clientAddress: `10.0.0.${i % 250}`,
    };
    const [a, b] = [small, large].map((by) => resolve(texts, { by, traits: source }));
    assert.deepEqual(a!.event, b!.event);
  }
});
