/** The decision endpoint as a gateway: verdicts in a store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTING_RUNGS } from '../../../core/ladder.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';
import { verdictsInMemory } from './verdicts.ts';

const TARGET = { subjectId: 'kong:7f2d', credentialId: '7f2d' };
const HASHED = { subjectId: 'h:0123456789abcdef0123456789abcdef' };

test('every rung becomes the verdict of the key, and the undo removes it', async () => {
  const verdicts = verdictsInMemory();
  const adapter = adapterOf('decide', {}, { verdicts });
  assert.deepEqual([...adapter.rungs], [...ACTING_RUNGS]);
  for (const target of [TARGET, HASHED]) {
    const original = await adapter.read(target, NEVER);
    assert.equal(original.exists, true);
    for (const rung of ACTING_RUNGS) {
      const limit = { requests: 5, windowMs: 1000 };
      const wish = wishOf(rung, rung.startsWith('throttle') ? { limit } : {});
      const wrote = await bring(adapter, target, original, wish);
      const again = await bring(adapter, target, original, wish);
      assert.equal(again.fingerprint, wrote.fingerprint);
      assert.notEqual(wrote.fingerprint, original.fingerprint);
      assert.deepEqual(await verdicts.verdict(target.subjectId), {
        key: target.subjectId,
        rung,
        ...(wish.limit === undefined ? {} : { limit }),
        untilAt: wish.untilAt,
        tag: wish.tag,
      });
    }
    assert.deepEqual(await bring(adapter, target, original, null), original);
    assert.deepEqual(await verdicts.verdicts(), []);
  }
});

test('a later wish replaces an earlier one, whatever was read as the original', async () => {
  const verdicts = verdictsInMemory();
  const adapter = adapterOf('decide', {}, { verdicts });
  const none = await adapter.read(TARGET, NEVER);
  const suspended = await bring(adapter, TARGET, none, wishOf('suspend'));
  const throttled = await bring(adapter, TARGET, none, wishOf('throttle-hard'));
  assert.notEqual(throttled.fingerprint, suspended.fingerprint);
  assert.equal((await verdicts.verdict('kong:7f2d'))?.rung, 'throttle-hard');
  // Every verdict is ours: one that was taken for the original is not put back.
  assert.deepEqual(await bring(adapter, TARGET, suspended, null), none);
});

test('a profile changes the state, and what is told of it is its age alone', async () => {
  const verdicts = verdictsInMemory();
  const adapter = adapterOf('decide', {}, { verdicts });
  const none = await adapter.read(TARGET, NEVER);
  const profile = {
    countries: ['DE'],
    networkCodes: [3320],
    systemCodes: [],
    routeFilter: [7, 9],
    asOfAt: '2026-03-01T09:00:00.000Z',
  };
  const one = await bring(adapter, TARGET, none, wishOf('contain', { profile }));
  const wider = { ...profile, routeFilter: [7, 9, 11] };
  const two = await bring(adapter, TARGET, none, wishOf('contain', { profile: wider }));
  assert.notEqual(one.fingerprint, two.fingerprint);
  assert.equal(two.facts['profileAsOfAt'], profile.asOfAt);
  assert.equal(JSON.stringify(two.facts).includes('3320'), false);
});

test('the plan says what is done and how to be rid of it, and writes nothing', async () => {
  const verdicts = verdictsInMemory();
  const adapter = adapterOf('decide', {}, { verdicts });
  const original = await adapter.read(TARGET, NEVER);
  const wish = wishOf('throttle-hard', { limit: { requests: 5, windowMs: 1000 } });
  const plan = adapter.plan({ target: TARGET, original, wish });
  assert.deepEqual(plan.calls, [
    'verdict throttle-hard for kong:7f2d at the decision endpoint, 5 requests in 1000 ms, until 2026-03-01T11:00:00.000Z',
  ]);
  assert.equal(plan.needsSeal, false);
  assert.match(plan.undo.join('\n'), /keyhound restore kong:7f2d/);
  assert.match(plan.undo.join('\n'), /ends by itself at 2026-03-01T11:00:00.000Z/);
  const forever = adapter.plan({ target: TARGET, original, wish: { ...wish, untilAt: null } });
  assert.match(forever.undo.join('\n'), /take its hook out of the gateway/);
  assert.deepEqual(await verdicts.verdicts(), []);
});

test('it covers every key, or those that begin as configured', () => {
  const all = adapterOf('decide', {}, {});
  assert.equal(all.covers('kong:7f2d'), true);
  assert.equal(all.covers(HASHED.subjectId), true);
  const some = adapterOf('decide', {}, { keys: ['nginx:', 'h:'] });
  assert.equal(some.covers('kong:7f2d'), false);
  assert.equal(some.covers('nginx:key_1'), true);
  const envoy = adapterOf('envoy', {}, {});
  assert.equal(envoy.covers('envoy:key_1'), true);
  assert.equal(envoy.covers('kong:7f2d'), false);
});

test('what it owns is found by its tag, and removed unless another action has replaced it', async () => {
  const verdicts = verdictsInMemory();
  const adapter = adapterOf('decide', {}, { verdicts, keys: ['kong:'] });
  const none = await adapter.read(TARGET, NEVER);
  await bring(adapter, TARGET, none, wishOf('suspend'));
  await adapter.apply(
    { target: HASHED, original: none, present: none, wish: wishOf('suspend') },
    NEVER,
  );
  const [owned, ...others] = await adapter.owned(NEVER);
  assert.deepEqual(others, []);
  assert.equal(owned?.tag, 'act_00000000000000000001');
  assert.equal(owned?.subjectId, 'kong:7f2d');
  await bring(adapter, TARGET, none, wishOf('revoke', { tag: 'act_00000000000000000002' }));
  await owned?.remove(NEVER);
  assert.equal((await verdicts.verdict('kong:7f2d'))?.rung, 'revoke');
  const [later] = await adapter.owned(NEVER);
  await later?.remove(NEVER);
  assert.equal(await verdicts.verdict('kong:7f2d'), undefined);
});

test('without a store of verdicts it says so, and acts on nothing', async () => {
  const adapter = adapterOf('decide', {});
  const [check] = await adapter.check(NEVER);
  assert.equal(check?.ok, false);
  await assert.rejects(async () => adapter.read(TARGET, NEVER), { code: 'gateway-no-verdicts' });
});

test('the check of a gateway that asks says what it cannot', async () => {
  const verdicts = verdictsInMemory();
  const details = async (kind: string) => {
    const checks = await adapterOf(kind, {}, { verdicts }).check(NEVER);
    return checks.map(({ detail }) => detail).join('\n');
  };
  assert.match(await details('traefik'), /0 verdicts.*cannot fail open/s);
  assert.match(await details('envoy'), /failure_mode_allow/);
});

test('what a write leaves can be told before', async () => {
  const verdicts = verdictsInMemory();
  const adapter = adapterOf('decide', {}, { verdicts });
  const original = await adapter.read(TARGET, NEVER);
  for (const wish of [wishOf('suspend'), wishOf('contain', { untilAt: null }), null]) {
    const wrote = await bring(adapter, TARGET, original, wish);
    assert.equal(adapter.expect?.({ target: TARGET, original, wish }), wrote.fingerprint);
  }
});
