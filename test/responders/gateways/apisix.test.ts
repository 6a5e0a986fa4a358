/** What is APISIX's own: wider limits, groups, rules, and credentials whose consumer no log names. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { KeyhoundError } from '../../../core/errors.ts';
import { type FakeApisix, startApisix } from '../../fakes/apisix.ts';
import { memorySeals } from './rig.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

type Json = Record<string, unknown>;
const TOKEN = 'admin-key-1234567890';
const TARGET = { subjectId: 'apisix:cred-1', credentialId: 'cred-1' };
const THROTTLE = wishOf('throttle-hard', { limit: { requests: 5, windowMs: 60_000 } });
let fake: FakeApisix;

before(async () => {
  fake = await startApisix(TOKEN);
});
after(() => fake.close());
beforeEach(() => {
  for (const map of [fake.consumers, fake.credentials, fake.routes]) map.clear();
  fake.consumers.set('acme', { username: 'acme' });
  fake.credentials.set('acme/cred-1', {
    id: 'cred-1',
    plugins: { 'key-auth': { key: 'raw-key-1' } },
  });
});

function adapter() {
  const settings = { urls: [`${fake.url}/apisix/admin`], token: TOKEN };
  return adapterOf('apisix', settings, { name: 'apisix', seals: memorySeals().box });
}

function limitOfAcme(): Json | undefined {
  return (fake.consumers.get('acme')?.['plugins'] as Json | undefined)?.['limit-count'] as
    | Json
    | undefined;
}

function own(limit: Json): void {
  fake.consumers.set('acme', { username: 'acme', plugins: { 'limit-count': limit } });
}

test('the strictest limit of routes, which one of the consumer replaces, is kept in it', async () => {
  fake.routes.set('1', { plugins: { 'limit-count': { count: 100, time_window: 3600 } } });
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, THROTTLE);
  // Neither 5 a minute nor 100 an hour is stricter in all: the fewer requests in the longer window are.
  assert.deepEqual([limitOfAcme()?.['count'], limitOfAcme()?.['time_window']], [5, 3600]);
  assert.equal(limitOfAcme()?.['key'], 'http_x_credential_identifier');
  await bring(adapter(), TARGET, original, null);
  assert.equal(limitOfAcme(), undefined);
});

test('a limit of a group leaves it while it is ours, and is in it again after', async () => {
  const limit = {
    count: 100,
    time_window: 60,
    key: 'remote_addr',
    group: 'shared',
    policy: 'local',
    rejected_code: 503,
  };
  own(limit);
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, THROTTLE);
  const held = limitOfAcme()!;
  assert.deepEqual([held['count'], held['group'], held['rejected_code']], [5, undefined, 503]);
  await bring(adapter(), TARGET, original, null);
  assert.deepEqual(limitOfAcme(), limit);
});

test('a limit with rules or variables is left alone, and said', async () => {
  for (const limit of [
    { rules: [{ count: 1, time_window: 1, key: 'a' }] },
    { count: '$n', time_window: 60 },
  ]) {
    own(limit);
    const original = await adapter().read(TARGET, NEVER);
    await assert.rejects(bring(adapter(), TARGET, original, THROTTLE), (error) => {
      return (
        error instanceof KeyhoundError && error.code === 'gateway-rejected' && !error.retryable
      );
    });
    assert.deepEqual(limitOfAcme(), limit);
    await bring(adapter(), TARGET, original, wishOf('suspend'));
    assert.equal(fake.credentials.size, 0, 'suspending it is possible');
    beforeEachCredential();
  }
});

function beforeEachCredential(): void {
  fake.credentials.set('acme/cred-1', {
    id: 'cred-1',
    plugins: { 'key-auth': { key: 'raw-key-1' } },
  });
}

test('a credential whose log names no consumer, or another, is found, and then known', async () => {
  for (let i = 0; i < 30; i++) fake.consumers.set(`other-${i}`, { username: `other-${i}` });
  const one = adapter();
  assert.equal((await one.read({ ...TARGET, consumer: 'Acme, Inc.' }, NEVER)).exists, true);
  const first = fake.calls.length;
  assert.equal((await one.read(TARGET, NEVER)).exists, true);
  assert.ok(fake.calls.length - first < 10, 'looked for once');
});

test('an id with a path in it is never sent', async () => {
  fake.calls.length = 0;
  for (const id of ['../../routes/1', 'a/b', '..', '.']) {
    const state = await adapter().read({ subjectId: `apisix:${id}`, credentialId: id }, NEVER);
    assert.equal(state.exists, false);
  }
  assert.deepEqual(fake.calls, []);
});
