/** What made-up keys cost, and who keeps a record (design.md §4, promises 5 and 2). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Declared, KeyDirectory } from '../../../core/directory.ts';
import { type ApiEvent, KEY_GROUPS } from '../../../core/event.ts';
import { finish, mix32 } from '../../../core/hash.ts';
import { LIMITED_BY } from '../../../core/record.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';
import { latest, openBench } from '../bench.ts';
import { KeptState } from '../kept-state.ts';
import { PROBES, script } from './probe.ts';

/** All in one key group, whose limit is 40 records, 10 of them free for all. */
const SUBJECTS_MAX = 40 * KEY_GROUPS;

function madeUp(i: number, at: number, position: number): ApiEvent {
  const word = (n: number): number => finish(mix32(i, n)) | 0;
  const key = { id: `made:${i}`, digest0: 0, digest1: word(1), digest2: word(2), digest3: word(3) };
  return { ...script()(0), key, at, position };
}

describe('promise 5: bounded', () => {
  test('a flood of made-up keys gets a quarter of the table, and no finding is lost by it', () => {
    const bench = openBench({ detectors: PROBES, subjectsMax: SUBJECTS_MAX });
    const real = script('probe:real', 0);
    const base = real(0).at;
    bench.feed([{ ...real(0), position: 0 }]);
    for (let i = 1; i <= 50_000; i++) bench.feed([madeUp(i, base + i, i)]);
    assert.equal(bench.engine.stats().subjects, 10);
    assert.equal(bench.engine.stats().unadmitted, 50_000 - 9);
    bench.feed([{ ...real(1), method: 'volume', bytesOut: 9, position: 60_000 }]);
    assert.deepEqual(
      latest(bench.findings).map(({ subject }) => subject.id),
      ['probe:real'],
    );
  });

  test('beyond the quarter a key earns its record by use, and a sketch remembers across a restart', () => {
    const open = (state?: ReturnType<KeptState['load']>) =>
      openBench({ detectors: PROBES, subjectsMax: SUBJECTS_MAX, durable: true, state });
    const first = open();
    const base = script()(0).at;
    let position = 0;
    for (let i = 0; i < 10; i++) first.feed([madeUp(i, base, position++)]);
    const uses = (bench: typeof first, times: number): void => {
      for (let i = 0; i < times; i++) bench.feed([madeUp(999, base + position, position++)]);
    };
    uses(first, 5);
    assert.equal(first.engine.stats().subjects, 10);
    const kept = new KeptState();
    kept.take(first.engine.checkpoint());
    const second = open(kept.load());
    uses(second, 2);
    assert.equal(second.engine.key('made:999'), undefined);
    uses(second, 2);
    assert.equal(second.engine.key('made:999')?.events, 1);
  });

  test('a full table takes no stranger; a registered key gets its record at once', () => {
    const registered = 'made:7777';
    const declared = { entry: { id: registered } } as unknown as Declared;
    const directory: KeyDirectory = {
      ...NO_DIRECTORY,
      size: 1,
      declared: (id) => (id === registered ? declared : undefined),
    };
    const bench = openBench({ detectors: PROBES, subjectsMax: SUBJECTS_MAX, directory });
    const base = script()(0).at;
    let position = 0;
    for (let i = 0; i < 60; i++) {
      for (let use = 0; use < 40; use++) bench.feed([madeUp(i, base + position, position++)]);
    }
    assert.equal(bench.engine.stats().subjects, 40);
    bench.feed([madeUp(7777, base + position, position++)]);
    assert.notEqual(bench.engine.key(registered), undefined);
    // A month later those who were not seen since give way; the registered one does not.
    const later = base + 31 * 86_400_000;
    for (let use = 0; use < 40; use++) bench.feed([madeUp(500, later + use, position++)]);
    assert.notEqual(bench.engine.key('made:500'), undefined);
    assert.notEqual(bench.engine.key(registered), undefined);
    assert.ok(bench.engine.stats().subjects <= 41);
  });

  test('memory of duplicates is bounded: two generations, the older is deleted from the store', () => {
    const bench = openBench({ detectors: PROBES, durable: true });
    const kept = new KeptState();
    const at = script();
    for (let i = 0; i < 40; i++) {
      bench.feed([at(6 * i, { fingerprint0: i + 1, fingerprint1: 1 })]);
      kept.take(bench.engine.checkpoint());
      const parts = kept.load().groups.filter(({ part }) => part.startsWith('duplicates'));
      assert.ok(parts.length <= 5, `${parts.length} parts`);
    }
  });
});

describe('promise 2: what was refused or only claimed teaches nothing', () => {
  test('a claimed use makes no record, and a 401 is shown to those who see failures alone', () => {
    const bench = openBench({ detectors: PROBES });
    const at = script();
    bench.feed([at(0, { attested: false, status: 401 })]);
    assert.equal(bench.engine.stats().subjects, 0);
    bench.feed([at(1), at(2, { attested: false, status: 401, method: 'volume', bytesOut: 9 })]);
    assert.equal(bench.findings.length, 0);
    bench.feed([at(3, { attested: false, status: 401, method: 'errors', bytesOut: 9 })]);
    assert.deepEqual(
      latest(bench.findings).map(({ trust, detector }) => [detector, trust]),
      [['errors', 'observe']],
    );
    assert.equal(bench.engine.judge.header.suspectSecond, 0, 'no suspicion by a claim');
    bench.feed([at(4, { attested: false, status: 403, method: 'errors', bytesOut: 99 })]);
    assert.equal(latest(bench.findings)[0]!.score, 9);
    const { judge, counters } = bench.engine;
    assert.deepEqual([judge.header.events, counters.claimed], [1, 4]);
  });

  test('what the gateway’s limiter or we refused is counted as use, and judged by nobody', () => {
    const bench = openBench({ detectors: PROBES });
    const at = script();
    bench.feed([at(0)]);
    for (const limitedBy of [LIMITED_BY.gateway, LIMITED_BY.keyhound])
      bench.feed([at(1, { limitedBy, status: 429, method: 'errors', bytesOut: 9 })]);
    assert.equal(bench.findings.length, 0);
    const { header } = bench.engine.judge;
    assert.deepEqual([header.events, header.usageRequests], [1, 3]);
  });

  test('the weakest evidence caps the trust of a finding', () => {
    const bench = openBench({ detectors: PROBES });
    const at = script();
    bench.feed([at(0, { method: 'volume', bytesOut: 5 })]);
    assert.equal(bench.findings.at(-1)!.trust, 'act');
    bench.feed([
      at(1, { method: 'volume', bytesOut: 9, mayAct: false }),
      at(2, { method: 'volume', bytesOut: 20 }),
    ]);
    assert.equal(bench.findings.at(-1)!.trust, 'observe');
  });
});
