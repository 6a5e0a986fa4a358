/** What is Tyk's own: policies, quotas, limits of APIs and endpoints, keys that are not hashed. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type FakeTyk, startTyk } from '../../fakes/tyk.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

const SECRET = 'tyk-secret-1234567890';
const KEY = '6129dc1e8b64c6b4';
const TARGET = { subjectId: `tyk:${KEY}`, credentialId: KEY };
const THROTTLE = wishOf('throttle-hard', { limit: { requests: 5, windowMs: 60_000 } });
const SESSION = {
  ...{ rate: 100, per: 1, quota_max: 10, quota_renews: 1_800_000_000, last_updated: '1800000000' },
  access_rights: {
    empty: { api_id: 'empty', limit: {} },
    quota: { api_id: 'quota', limit: { quota_max: 7 } },
    slow: { api_id: 'slow', limit: { rate: 1, per: 60 } },
    fast: {
      api_id: 'fast',
      endpoints: [{ path: '/a', methods: [{ name: 'GET', limit: { rate: 9, per: 1 } }] }],
    },
  },
  date_created: '2026-01-01T00:00:00Z',
};
let fake: FakeTyk;

before(async () => {
  fake = await startTyk(SECRET);
});
after(() => fake.close());
beforeEach(() => {
  fake.state.hashKeys = true;
  fake.state.listing = true;
  fake.policies.clear();
  fake.keys.clear();
  fake.keys.set(KEY, structuredClone(SESSION));
});

function adapter() {
  return adapterOf('tyk', { urls: [fake.url], token: SECRET }, { name: 'tyk' });
}

test('every place with a rate of its own is made slower, and what has none of its own is left to the session', async () => {
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, THROTTLE);
  const { rate, per, access_rights: rights } = fake.keys.get(KEY) as typeof SESSION;
  assert.deepEqual([rate, per], [5, 60]);
  assert.deepEqual(rights.empty.limit, {});
  assert.deepEqual(rights.quota.limit, { quota_max: 7, rate: 5, per: 60 });
  assert.deepEqual(rights.slow.limit, { rate: 1, per: 60 }, 'the stricter one stays');
  assert.deepEqual(rights.fast.endpoints[0]!.methods[0]!.limit, { rate: 5, per: 60 });
  await bring(adapter(), TARGET, original, null);
  assert.deepEqual(fake.keys.get(KEY), SESSION);
});

test('a right that a person gives while the key is held is there after the undo', async () => {
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, THROTTLE);
  const held = fake.keys.get(KEY) as { access_rights: Record<string, unknown> };
  held.access_rights['new'] = { api_id: 'new' };
  await bring(adapter(), TARGET, original, null);
  const after = fake.keys.get(KEY) as { access_rights: Record<string, unknown>; rate: number };
  assert.deepEqual([Object.hasOwn(after.access_rights, 'new'), after.rate], [true, 100]);
});

test('a policy that is changed while the key is held reaches it with the undo', async () => {
  fake.policies.set('gold', { rate: 50, per: 1, isInactive: false });
  fake.keys.set(KEY, { ...structuredClone(SESSION), apply_policies: ['gold'] });
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, wishOf('suspend'));
  assert.equal(fake.keys.get(KEY)?.['is_inactive'], true);
  fake.policies.set('gold', { rate: 20, per: 1, isInactive: false });
  await bring(adapter(), TARGET, original, null);
  const { is_inactive: inactive, rate, apply_policies: policies } = fake.keys.get(KEY)!;
  assert.deepEqual([inactive, rate, policies], [undefined, 20, ['gold']]);
});

test('a key that the operator had made inactive is inactive after the undo', async () => {
  fake.keys.set(KEY, { ...structuredClone(SESSION), is_inactive: true });
  const original = await adapter().read(TARGET, NEVER);
  await bring(adapter(), TARGET, original, wishOf('suspend'));
  await bring(adapter(), TARGET, original, null);
  assert.equal(fake.keys.get(KEY)?.['is_inactive'], true);
});

test('where keys are not hashed doctor says that none can be named', async () => {
  fake.state.hashKeys = false;
  const [check] = await adapter().check(NEVER);
  assert.ok(check !== undefined && !check.ok && check.hint?.includes('hash_keys'));
});

test('where keys are not listed doctor says what reconcile cannot find, and nothing fails', async () => {
  fake.state.listing = false;
  const checks = await adapter().check(NEVER);
  assert.ok(checks.every(({ ok }) => ok));
  assert.ok(checks.some(({ detail }) => detail.includes('enable_hashed_keys_listing')));
  assert.deepEqual(await adapter().owned(NEVER), []);
});
