/** What every driver of AuditStore has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEntry, AuditStore } from '../../../core/audit.ts';
import { sampleNote } from '../../support/response-samples.ts';
import { type PlacedDriver, seenAnew, withPlace } from './place.ts';

/** The store does not judge hashes, it only compares them. */
function hashOf(sequence: number): string {
  return sequence === 0 ? '0'.repeat(64) : String(sequence).repeat(64).slice(0, 64);
}

function entry(sequence: number, change: Partial<AuditEntry> = {}): AuditEntry {
  const writer = change.writer ?? 'one';
  return {
    ...sampleNote(),
    id: `${writer}-${sequence}`,
    writer,
    sequence,
    previous: hashOf(sequence - 1),
    hash: hashOf(sequence),
    ...change,
  };
}

export function testAuditStore(driver: PlacedDriver<AuditStore>): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;

  test(name('entries of each writer are there for the next process, in order, as they were'), () =>
    withPlace(driver, async (store, place) => {
      const first = entry(1, { evidence: { findings: ['fnd_1'], score: 4.5 }, undoes: 'x-1' });
      const other = entry(1, { writer: 'two' });
      for (const next of [first, other, entry(2), entry(3)]) {
        assert.equal(await store.appendAudit(next), true);
      }
      await seenAnew(driver, place, async (anew) => {
        assert.deepEqual(await anew.auditEntries('one', 1, 10), [first, entry(2), entry(3)]);
        assert.deepEqual(await anew.auditEntries('one', 2, 1), [entry(2)]);
        assert.deepEqual(await anew.auditEntries('two', 1, 10), [other]);
        assert.deepEqual(await anew.auditEntries('none', 1, 10), []);
        assert.deepEqual(await anew.auditHeads(), [
          { writer: 'one', sequence: 3, hash: hashOf(3) },
          { writer: 'two', sequence: 1, hash: hashOf(1) },
        ]);
        assert.deepEqual(await anew.auditHead('two'), {
          writer: 'two',
          sequence: 1,
          hash: hashOf(1),
        });
        assert.equal(await anew.auditHead('none'), undefined);
      });
    }),
  );

  test(name('an entry that does not follow the last one is refused'), () =>
    withPlace(driver, async (store) => {
      assert.equal(await store.appendAudit(entry(2)), false, 'a hole at the beginning');
      assert.equal(await store.appendAudit(entry(1, { previous: hashOf(7) })), false);
      assert.equal(await store.appendAudit(entry(1)), true);
      assert.equal(await store.appendAudit(entry(1)), false, 'again');
      assert.equal(await store.appendAudit(entry(3)), false, 'a hole');
      assert.equal(await store.appendAudit(entry(2, { previous: hashOf(9) })), false);
      assert.equal(await store.appendAudit(entry(2)), true);
      assert.equal((await store.auditEntries('one', 1, 10)).length, 2);
    }),
  );

  test(name('of two processes that append the same sequence one is refused'), () =>
    withPlace(driver, async (store, place) => {
      await seenAnew(driver, place, async (other) => {
        for (let sequence = 1; sequence <= 20; sequence++) {
          const taken = await Promise.all([
            store.appendAudit(entry(sequence, { why: 'first' })),
            other.appendAudit(entry(sequence, { why: 'second' })),
          ]);
          assert.equal(taken.filter(Boolean).length, 1, `sequence ${sequence}`);
        }
      });
      const kept = await store.auditEntries('one', 1, 100);
      assert.deepEqual(
        kept.map(({ sequence }) => sequence),
        Array.from({ length: 20 }, (_, n) => n + 1),
      );
    }),
  );
}
