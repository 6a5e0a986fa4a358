/** Since when rungs are on, from one process that responds to the next. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSharedFacts } from '../../../app/distributed/shared-facts.ts';
import { DEFAULT_POLICY } from '../../../responders/policy.ts';
import { createPolicyHolder, type HolderFacts } from '../../../responders/policy-holder.ts';
import { until } from '../../support/until.ts';

const T0 = Date.UTC(2026, 2, 1);
const never = new AbortController().signal;
const factsOf = (at: number) => createPolicyHolder(DEFAULT_POLICY, at).facts();

function place(failures: number) {
  let kept: HolderFacts | undefined;
  const writes: HolderFacts[] = [];
  return {
    writes,
    read: async () => kept,
    async write(facts: HolderFacts) {
      if (failures-- > 0) throw new Error('away');
      writes.push(facts);
      kept = facts;
    },
  };
}

test('the next one that responds knows what the last has kept, once Redis takes it', async () => {
  const shared = place(2);
  const lines: string[] = [];
  const logger = { warn: (_: object, text: string) => void lines.push(text) };
  const first = await openSharedFacts(shared, logger, never, 1);
  assert.equal(first.saved, undefined);
  first.keep(factsOf(T0));
  first.keep(factsOf(T0 + 1000));
  await until(() => shared.writes.length > 0);
  const next = await openSharedFacts(shared, logger, never, 1);
  assert.deepEqual(next.saved, factsOf(T0 + 1000));
  assert.equal(shared.writes.length, 1);
  assert.equal(lines.length, 1);
});
