/** What is Kong's own: pages, wider limits, other keys of a consumer, DB-less, what the Admin API takes for a key. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type FakeKong, startKong } from '../../fakes/kong.ts';
import { memorySeals } from './rig.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

type Json = Record<string, unknown>;
const CONSUMER = '5f1f5c6e-5a0b-4f0d-9d0e-0a2f0c3f9b11';
const KEY = '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded00';
const TARGET = { subjectId: `kong:${KEY}`, credentialId: KEY };
const consumer = { id: CONSUMER };
let kong: FakeKong;

before(async () => {
  kong = await startKong(undefined, 2);
});
after(() => kong.close());
beforeEach(() => {
  for (const map of [kong.consumers, kong.credentials, kong.plugins]) map.clear();
  kong.state.database = 'postgres';
  kong.consumers.set(CONSUMER, { id: CONSUMER, username: 'acme' });
  kong.addCredential({ id: KEY, key: 'raw-key-1', consumer });
});

function adapter(settings: object = {}, seals = memorySeals()) {
  return adapterOf('kong', { urls: [kong.url], ...settings }, { name: 'kong', seals: seals.box });
}

function limit(requests: number, windowMs: number) {
  return wishOf('throttle-hard', { limit: { requests, windowMs } });
}

function plugin(config: object, more: object = {}): Json {
  return kong.addPlugin({ name: 'rate-limiting', consumer, config, ...more });
}

/** Windows that a plugin limits, and what it counts by. */
function windowsOf(id: string): Json {
  const { config } = kong.plugins.get(id) as { config: Json };
  const named = ['second', 'minute', 'hour', 'day', 'limit_by'];
  return Object.fromEntries(
    named.filter((name) => config[name] != null).map((name) => [name, config[name]]),
  );
}

function ours(): Json {
  const found = [...kong.plugins.values()].find(({ tags }) =>
    (tags as string[] | null)?.includes('keyhound-made'),
  );
  assert.ok(found);
  return found;
}

test('limits of routes and all that a limit of the consumer replaces are kept in it', async () => {
  plugin({ second: 10, hour: 100 }, { consumer: null, route: { id: 'r1' } });
  plugin({ minute: 1 }, { consumer: null, enabled: false });
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, limit(5, 60_000));
  // A longer window may not have less than a shorter one: 5 a minute leave at most 5 a second.
  assert.deepEqual(windowsOf(String(ours()['id'])), {
    second: 5,
    minute: 5,
    hour: 100,
    limit_by: 'credential',
  });
});

test('a plugin for the consumer on one route, which would win over ours, is made stricter as well', async () => {
  const own = plugin({ second: 100, limit_by: 'ip' }, { route: { id: 'r1' } });
  const before = structuredClone([...kong.plugins]);
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, limit(5, 60_000));
  // By address a thief would have the limit as often as he changes it.
  assert.deepEqual(windowsOf(String(own['id'])), { second: 5, minute: 5, limit_by: 'credential' });
  assert.equal(kong.plugins.size, 2);
  await bring(adapter(), TARGET, original, null);
  assert.deepEqual([...kong.plugins], before);
});

test('a plugin that the operator had switched off is switched off again', async () => {
  const own = plugin({ minute: 50 }, { enabled: false, tags: ['team-a'] });
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, limit(5, 60_000));
  assert.deepEqual(
    [kong.plugins.get(String(own['id']))?.['enabled'], kong.plugins.size],
    [true, 1],
  );
  await bring(adapter(), TARGET, original, null);
  assert.deepEqual(kong.plugins.get(String(own['id'])), own);
});

test('every window becomes one of Kong’s, and never more than was asked for', async () => {
  const table: [number, number, Json][] = [
    [5, 1000, { second: 5 }],
    [20, 10_000, { second: 2 }],
    [5, 10_000, { minute: 30 }],
    [90, 90_000, { minute: 60 }],
    [1, 3_600_000, { hour: 1 }],
    [1, 7 * 86_400_000, { month: 4 }],
    [3, 500, { second: 6 }],
  ];
  for (const [requests, windowMs, expected] of table) {
    const original = await adapter().read(TARGET, NEVER);
    await bring(adapter(), TARGET, original, limit(requests, windowMs));
    const { config } = ours() as { config: Json };
    for (const [window, value] of Object.entries(expected)) assert.equal(config[window], value);
    await bring(adapter(), TARGET, original, null);
  }
});

test('siblings are found on every page, whatever their kind', async () => {
  const ids = [1, 2, 3, 4, 5].map((n) => `8f2d1a41-9a89-4ffd-a7d4-e3c6844ded0${n}`);
  for (const id of ids) kong.addCredential({ id, key: `raw-${id}`, consumer });
  const original = await adapter().read(TARGET, NEVER);
  const plan = adapter().plan({ target: TARGET, original, wish: limit(5, 60_000) });
  assert.deepEqual(
    plan.siblings,
    ids.map((id) => `kong:${id}`),
  );
});

test('suspending hits this key alone where it has siblings, unless the operator wants it otherwise', async () => {
  kong.addCredential({ id: KEY.replace('7f', '8f'), key: 'raw-key-2', consumer });
  const original = await adapter().read(TARGET, NEVER);
  const wish = wishOf('suspend');
  const auto = adapter().plan({ target: TARGET, original, wish });
  assert.deepEqual([auto.needsSeal, auto.siblings], [true, []]);
  const all = adapter({ suspend: 'consumer' }).plan({ target: TARGET, original, wish });
  assert.deepEqual([all.needsSeal, all.siblings.length], [false, 1]);
  await bring(adapter({ suspend: 'consumer' }), TARGET, original, wish);
  assert.deepEqual([kong.credentials.size, ours()['name']], [2, 'request-termination']);
});

test('what is left of the credential’s time goes on while it is away', async () => {
  const seals = memorySeals();
  kong.credentials.get(KEY)!['ttl'] = 7200;
  const original = await adapter({}, seals).read(TARGET, NEVER);
  await bring(adapter({}, seals), TARGET, original, wishOf('revoke'));
  const later = adapterOf(
    'kong',
    { urls: [kong.url] },
    { name: 'kong', seals: seals.box, now: () => Date.parse('2026-03-01T11:00:00.000Z') },
  );
  await bring(later, TARGET, original, null);
  assert.equal(kong.credentials.get(KEY)?.['ttl'], 3600);
});

test('without a database doctor says that nothing can be changed', async () => {
  kong.state.database = 'off';
  const [check] = await adapter().check(NEVER);
  assert.ok(check !== undefined && !check.ok && check.detail.includes('cannot change'));
});

test('an id that Kong would look up as a raw key is never sent', async () => {
  kong.calls.length = 0;
  for (const id of ['raw-key-1', `${KEY}/../..`, '']) {
    const state = await adapter().read({ subjectId: `kong:${id}`, credentialId: id }, NEVER);
    assert.equal(state.exists, false);
  }
  assert.deepEqual(kong.calls, []);
});

test('a raw key that somebody gave to another credential meanwhile is refused, and not repeated', async () => {
  const seals = memorySeals();
  const original = await adapter({}, seals).read(TARGET, NEVER);
  await bring(adapter({}, seals), TARGET, original, wishOf('revoke'));
  kong.addCredential({ key: 'raw-key-1', consumer });
  await assert.rejects(bring(adapter({}, seals), TARGET, original, null), (error) => {
    assert.ok(error instanceof Error && error.message.includes('unique constraint violation'));
    return !error.message.includes('raw-key-1');
  });
  assert.equal(seals.bytes.size, 1, 'still sealed');
});
