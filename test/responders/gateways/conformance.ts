/**
 * What every gateway adapter guarantees, whatever its vendor: the contract of core/gateway.ts. A rig brings the
 * gateway; guarantees that do not apply to a kind are skipped with the reason that its rig gives.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayAdapter, GatewayState } from '../../../core/gateway.ts';
import { ACTING_RUNGS, type ActingRung } from '../../../core/ladder.ts';
import { faultGuarantees } from './conformance-faults.ts';
import {
  assertHolds,
  type Guarantee,
  isPermanent,
  mildest,
  recorded,
  strongest,
  wishFor,
} from './guarantee.ts';
import type { Rig, RigKind } from './rig.ts';
import { bring, NEVER } from './tools.ts';

const GUARANTEES: readonly Guarantee[] = [
  {
    name: 'each rung holds, may be written twice, and its undo brings back what was there',
    async check(rig, adapter) {
      const before = structuredClone(rig.holds());
      for (const rung of adapter.rungs) {
        const original = await adapter.read(rig.target, NEVER);
        assert.equal(original.exists, true);
        const wrote = await bring(adapter, rig.target, original, wishFor(rung));
        assertHolds(rung, await rig.effect(rig.target));
        assert.notEqual(wrote.fingerprint, original.fingerprint);
        const request = { target: rig.target, original, wish: wishFor(rung) };
        const expected = adapter.expect?.(request);
        if (expected !== undefined) assert.equal(expected, wrote.fingerprint, `expected ${rung}`);
        assert.equal((await adapter.read(rig.target, NEVER)).fingerprint, wrote.fingerprint, rung);
        const held = structuredClone(rig.holds());
        const again = await bring(adapter, rig.target, original, wishFor(rung));
        assert.equal(again.fingerprint, wrote.fingerprint);
        assert.deepEqual(rig.holds(), held);
        const back = await bring(adapter, rig.target, original, null);
        assert.equal(back.fingerprint, original.fingerprint, `back from ${rung}`);
        assert.deepEqual(rig.holds(), before, `back from ${rung}`);
      }
      const original = await adapter.read(rig.target, NEVER);
      const twice = await bring(adapter, rig.target, original, null);
      const expected = adapter.expect?.({ target: rig.target, original, wish: null });
      if (expected !== undefined) assert.equal(expected, twice.fingerprint);
      assert.equal(twice.fingerprint, original.fingerprint);
      assert.deepEqual(rig.holds(), before);
    },
  },
  {
    name: 'any rung follows any other, and the original comes back at the end',
    slow: true,
    async check(rig, adapter) {
      const original = recorded(await adapter.read(rig.target, NEVER));
      const before = structuredClone(rig.holds());
      for (const [index, rung] of everyPair([...adapter.rungs]).entries()) {
        const tag = `act_${index}`;
        await bring(adapter, rig.target, original, wishFor(rung, { tag }));
        assertHolds(rung, await rig.effect(rig.target));
      }
      await bring(adapter, rig.target, original, null);
      assert.deepEqual(rig.holds(), before);
    },
  },
  {
    name: 'a process that died after the write finds it and takes it back',
    async check(rig, adapter) {
      const original = recorded(await adapter.read(rig.target, NEVER));
      const before = structuredClone(rig.holds());
      for (const rung of [mildest(adapter), strongest(adapter)]) {
        await bring(adapter, rig.target, original, wishFor(rung));
        const held = structuredClone(rig.holds());
        await bring(rig.adapter(), rig.target, original, wishFor(rung));
        assert.deepEqual(rig.holds(), held);
        await bring(rig.adapter(), rig.target, original, null);
        assert.deepEqual(rig.holds(), before);
      }
    },
  },
  {
    name: 'the stricter limit of the operator stays, and the laxer one comes back',
    async check(rig, adapter) {
      if (rig.operatorLimits === undefined || !adapter.rungs.has('throttle-hard')) return;
      await rig.operatorLimits({ requests: 1, windowMs: 60_000 });
      const original = recorded(await adapter.read(rig.target, NEVER));
      const before = structuredClone(rig.holds());
      const strict = wishFor('throttle-hard');
      assert.equal(
        adapter.plan({ target: rig.target, original, wish: strict }).keepsOperatorLimit,
        true,
      );
      await bring(adapter, rig.target, original, strict);
      assert.deepEqual((await rig.effect(rig.target)).limit, { requests: 1, windowMs: 60_000 });
      const low = wishFor('throttle-hard', { limit: { requests: 1, windowMs: 3_600_000 } });
      assert.notEqual(
        adapter.plan({ target: rig.target, original, wish: low }).keepsOperatorLimit,
        true,
      );
      await bring(adapter, rig.target, original, low);
      const { limit } = await rig.effect(rig.target);
      assert.ok(limit !== null && limit.requests / limit.windowMs <= 1 / 3_600_000);
      await bring(adapter, rig.target, original, null);
      assert.deepEqual(rig.holds(), before);
    },
  },
  {
    name: 'what a person changes is another fingerprint',
    async check(rig, adapter) {
      for (const rung of adapter.rungs) {
        const original = recorded(await adapter.read(rig.target, NEVER));
        const wrote = await bring(adapter, rig.target, original, wishFor(rung));
        await rig.byHand();
        const changed = await adapter.read(rig.target, NEVER);
        assert.notEqual(changed.fingerprint, wrote.fingerprint, rung);
        return;
      }
    },
  },
  {
    name: 'what is deleted is sealed before, and nothing else is sealed',
    async check(rig, adapter) {
      const original = recorded(await adapter.read(rig.target, NEVER));
      for (const rung of adapter.rungs) {
        const { needsSeal } = adapter.plan({ target: rig.target, original, wish: wishFor(rung) });
        if (rig.seals === undefined) assert.equal(needsSeal, false, rung);
        else await checkSeal(rig, adapter, { original, rung, needsSeal });
      }
    },
  },
  {
    name: 'nothing that it says holds a raw key or a token',
    async check(rig, adapter) {
      const said: unknown[] = [];
      const { target } = rig;
      const original = await adapter.read(target, NEVER);
      for (const rung of adapter.rungs) {
        const wish = wishFor(rung);
        const plan = adapter.plan({ target, original, wish });
        assert.ok(plan.calls.length > 0 && plan.undo.length > 0, rung);
        said.push(plan, await bring(adapter, target, original, wish));
      }
      said.push(adapter.plan({ target, original, wish: null }));
      said.push(await adapter.owned(NEVER), await bring(adapter, target, original, null));
      said.push(original, await adapter.check(NEVER));
      const text = JSON.stringify(said);
      for (const secret of rig.secrets) assert.ok(!text.includes(secret), secret.slice(0, 4));
      const bytes = [...(rig.seals?.bytes.values() ?? [])].map((sealed) => Buffer.from(sealed));
      for (const secret of rig.secrets) assert.ok(!bytes.some((sealed) => sealed.includes(secret)));
    },
  },
  {
    name: 'what it made is found by its tag, and can be removed',
    async check(rig, adapter) {
      const before = structuredClone(rig.holds());
      assert.deepEqual(await adapter.owned(NEVER), []);
      const rung = mildest(adapter);
      const original = recorded(await adapter.read(rig.target, NEVER));
      const first = await bring(adapter, rig.target, original, wishFor(rung, { tag: 'act_first' }));
      // One that takes another's place has to be seen as not there yet: the tag of the other will be nobody's.
      const wish = wishFor(rung, { tag: 'act_orphan' });
      const expected = adapter.expect?.({ target: rig.target, original, wish });
      if (expected !== undefined) assert.notEqual(expected, first.fingerprint);
      await bring(adapter, rig.target, original, wish);
      const [owned, ...more] = await rig.adapter().owned(NEVER);
      assert.ok(owned !== undefined && more.length === 0);
      assert.equal(owned.tag, 'act_orphan');
      assert.equal(owned.subjectId, rig.target.subjectId);
      await owned.remove(NEVER);
      await owned.remove(NEVER);
      assert.deepEqual(rig.holds(), before);
      assert.deepEqual(await adapter.owned(NEVER), []);
    },
  },
  {
    name: 'two keys that share something are held and let go each for itself',
    async check(rig, adapter) {
      const { target, sibling } = rig;
      if (sibling === undefined) return;
      const before = structuredClone(rig.holds());
      for (const rung of [mildest(adapter), strongest(adapter)]) {
        const one = recorded(await adapter.read(target, NEVER));
        const wrote = await bring(adapter, target, one, wishFor(rung, { tag: 'act_one' }));
        const two = recorded(await adapter.read(sibling, NEVER));
        await bring(adapter, sibling, two, wishFor(rung, { tag: 'act_two' }));
        const { fingerprint } = await adapter.read(target, NEVER);
        assert.equal(fingerprint, wrote.fingerprint, 'the other key is no change of this one');
        await bring(adapter, target, one, null);
        assertHolds(rung, await rig.effect(sibling));
        await bring(adapter, sibling, two, null);
        assert.deepEqual(rig.holds(), before, rung);
      }
    },
  },
  {
    name: 'keys that a rung hits as well are named',
    async check(rig, adapter) {
      const { target, sibling } = rig;
      const original = recorded(await adapter.read(target, NEVER));
      for (const rung of adapter.rungs) {
        const { siblings } = adapter.plan({ target, original, wish: wishFor(rung) });
        if (sibling === undefined) assert.deepEqual(siblings, []);
        else {
          const free = await rig.effect(sibling);
          await bring(adapter, target, original, wishFor(rung));
          const isHit = JSON.stringify(await rig.effect(sibling)) !== JSON.stringify(free);
          assert.deepEqual(siblings, isHit ? [sibling.subjectId] : [], rung);
          await bring(adapter, target, original, null);
        }
      }
    },
  },
  {
    name: 'a key that it does not know is said, and nothing is written',
    async check(rig, adapter) {
      const { unknown } = rig;
      if (unknown === undefined) return;
      const before = structuredClone(rig.holds());
      const original = await adapter.read(unknown, NEVER);
      assert.equal(original.exists, false);
      for (const rung of adapter.rungs) {
        const wish = wishFor(rung);
        adapter.plan({ target: unknown, original, wish });
        await assert.rejects(bring(adapter, unknown, original, wish), isPermanent);
      }
      await bring(adapter, unknown, original, null);
      assert.deepEqual(rig.holds(), before);
    },
  },
  {
    name: 'doctor is told that it can be reached, and each rung that it cannot do',
    async check(_rig, adapter) {
      const checks = await adapter.check(NEVER);
      assert.ok(checks.length > 0 && checks.every(({ ok }) => ok));
      const words = checks.map(({ detail }) => detail).join('\n');
      for (const rung of ACTING_RUNGS.filter((candidate) => !adapter.rungs.has(candidate))) {
        assert.ok(words.includes(rung), `says that it cannot ${rung}`);
      }
    },
  },
  {
    name: 'keys are its own by the begin of their ids, and it says how fast it is',
    async check(rig, adapter) {
      assert.equal(adapter.covers(rig.target.subjectId), true);
      assert.ok(adapter.settleMs >= 0 && adapter.settleMs <= 600_000);
      assert.ok(adapter.callsPerSecond > 0);
    },
  },
  ...faultGuarantees,
];

/** A walk in which each comes right after each, itself too. */
function everyPair<T>(all: readonly T[]): T[] {
  return all.flatMap((one, i) => [one, one, ...all.slice(i + 1).flatMap((other) => [other, one])]);
}

interface SealCase {
  readonly original: GatewayState;
  readonly rung: ActingRung;
  readonly needsSeal: boolean;
}

async function checkSeal(rig: Rig, adapter: GatewayAdapter, one: SealCase): Promise<void> {
  const { original, rung, needsSeal } = one;
  const { bytes, state } = rig.seals!;
  const before = structuredClone(rig.holds());
  if (needsSeal) {
    state.failing = true;
    await assert.rejects(bring(adapter, rig.target, original, wishFor(rung)));
    state.failing = false;
    assert.deepEqual(rig.holds(), before, 'nothing is deleted that was not sealed');
  }
  await bring(adapter, rig.target, original, wishFor(rung));
  assert.equal(bytes.size, needsSeal ? 1 : 0, rung);
  const held = [...bytes];
  await bring(adapter, rig.target, original, wishFor(rung));
  assert.equal(bytes.size, held.length);
  await bring(adapter, rig.target, original, null);
  assert.equal(bytes.size, 0, 'wiped once it is back');
  if (!needsSeal) return;
  await bring(adapter, rig.target, original, wishFor(rung));
  bytes.clear();
  await assert.rejects(bring(adapter, rig.target, original, null), isPermanent);
  for (const [name, sealed] of held) bytes.set(name, sealed);
  await bring(adapter, rig.target, original, null);
  assert.deepEqual(rig.holds(), before);
}

export type Part = 'fast' | 'slow' | 'all';

export function conforms({ skips = {}, start }: RigKind, title: string, part: Part): void {
  const chosen = GUARANTEES.filter(
    ({ slow = false }) => part === 'all' || slow === (part === 'slow'),
  );
  for (const { name, check } of chosen) {
    const skip = skips[name] ?? false;
    test(`${title}: ${name}`, { skip }, async () => {
      const rig = await start();
      try {
        await check(rig, rig.adapter());
        assert.deepEqual(rig.violations(), []);
      } finally {
        await rig.close();
      }
    });
  }
  test(`${title}: every skipped guarantee is one that there is`, () => {
    const names = GUARANTEES.map(({ name }) => name);
    assert.deepEqual(
      Object.keys(skips).filter((name) => !names.includes(name)),
      [],
    );
  });
}
