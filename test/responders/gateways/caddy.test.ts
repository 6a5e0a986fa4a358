/** Caddy's routes: which ids a pattern may stand for, and what people are told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snippet } from '../../support/snippets.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';
import { verdictsInMemory } from './verdicts.ts';

const URLS = ['http://127.0.0.1:2019', 'http://127.0.0.2:2019'];
const BY_BEGIN = { urls: URLS, header: 'X-Api-Key', value: '{id}.*' };
const ORIGINAL = { exists: true, fingerprint: 'none', facts: {} };
const keyOf = (id: string) => ({ subjectId: `caddy:${id}`, credentialId: id });

test('the route is the one of the page, at each node, and so is what undoes it', () => {
  const edge = adapterOf('caddy', BY_BEGIN);
  const plan = edge.plan({ target: keyOf('key'), original: ORIGINAL, wish: wishOf('suspend') });
  const route: unknown = JSON.parse(snippet('docs/gateways-proxies.md', 'json', 0));
  assert.equal(plan.calls.length, 2);
  for (const [i, call] of plan.calls.entries()) {
    assert.ok(call.includes(`'${URLS[i]}/config/apps/http/servers/srv0/routes/0'`));
    assert.deepEqual(JSON.parse(/-d '(.*)'$/.exec(call)![1]!), route);
    assert.equal(plan.undo[i], `curl -X DELETE '${URLS[i]}/id/keyhound_6b6579'`);
  }
});

test('a pattern stands for no id that could be the begin of another key', () => {
  const plan = (settings: object, id: string) =>
    adapterOf('caddy', settings).plan({
      target: keyOf(id),
      original: ORIGINAL,
      wish: wishOf('suspend'),
    });
  for (const id of ['a.b', 'a-b', 'a/b', 'a*', '{http.request.host}', '']) {
    assert.throws(() => plan(BY_BEGIN, id), { code: 'gateway-key-unknown' }, id);
  }
  const whole = { urls: URLS, header: 'X-Key-Id' };
  assert.match(plan(whole, 'a.b').calls[0]!, /"X-Key-Id":\["a\.b"\]/);
  assert.throws(() => plan(whole, 'a*'), { code: 'gateway-key-unknown' });
  for (const value of ['{id}*', '*{id}', 'Bearer', '{id}.*x', '{env.HOME}{id}']) {
    assert.throws(() => adapterOf('caddy', { ...BY_BEGIN, value }), /\{id\}/, value);
  }
  assert.throws(() => adapterOf('caddy', { urls: URLS }), /urls need the header/);
});

test('hashes of ours are in no header; without urls it is the decision endpoint', async () => {
  const edge = adapterOf('caddy', BY_BEGIN);
  assert.equal(edge.covers('h:0123456789abcdef0123456789abcdef'), false);
  assert.equal(edge.covers('caddy:key'), true);
  const verdicts = verdictsInMemory();
  const asking = adapterOf('caddy', {}, { verdicts });
  assert.equal(asking.covers('h:0123456789abcdef0123456789abcdef'), true);
  await bring(asking, keyOf('key'), await asking.read(keyOf('key'), NEVER), wishOf('contain'));
  assert.equal((await verdicts.verdict('caddy:key'))?.rung, 'contain');
});
