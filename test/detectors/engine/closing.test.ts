/** Incidents that a person closes: as resolved, or as a false alarm that is remembered. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defineDetector } from '../../../detectors/detector.ts';
import { latest, openBench } from '../bench.ts';
import { probe, script } from './probe.ts';
import { closing, minute, opened, volume } from './said.ts';

describe('an incident closed by a person', () => {
  test('closes at once with all that was open of it, and says as what, by whom and why', () => {
    const bench = opened();
    bench.feed([bench.at(0, volume(9))]);
    bench.engine.control(closing(bench, 'resolved', minute(2)));
    const last = bench.incidents.at(-1)!;
    assert.deepEqual(
      [last.closedAt, last.closedAs, last.closedBy, last.closedReason],
      ['2026-03-02T00:02:00.000Z', 'resolved', 'ann', 'known'],
    );
    assert.equal(bench.findings.at(-1)!.closedAt, '2026-03-02T00:02:00.000Z');
    const { openIncidents, closedAs } = bench.engine.stats();
    assert.deepEqual([openIncidents, closedAs], [0, { 'false-alarm': 0, resolved: 1 }]);
  });

  test('as resolved only closes: the same again is found again', () => {
    const bench = opened();
    bench.feed([bench.at(0, volume(9))]);
    bench.engine.control(closing(bench, 'resolved', minute(2)));
    bench.feed([bench.at(3, volume(9))]);
    assert.equal(latest(bench.incidents).length, 2);
  });

  test('as a false alarm: the same up to a quarter more raises nothing for 30 days, more does', () => {
    const bench = opened();
    bench.feed([bench.at(0, volume(8))]);
    bench.engine.control(closing(bench, 'false-alarm', minute(2)));
    bench.feed([bench.at(3, volume(8)), bench.at(4, volume(10))]);
    assert.equal(latest(bench.incidents).length, 1);
    assert.equal(bench.engine.stats().heldBack.remembered, 2);
    bench.feed([bench.at(5, volume(10.1))]);
    assert.equal(latest(bench.incidents).length, 2);
    bench.engine.control(closing(bench, 'resolved', minute(6)));
    bench.feed([bench.at(30 * 1440 + 3, volume(8))]);
    assert.equal(latest(bench.incidents).length, 3);
  });

  test('as a false alarm: what is about another place, detector or key is found', () => {
    const bench = opened();
    const other = script('probe:9', 9);
    bench.feed([bench.at(0, { method: 'place', bytesOut: 5 })]);
    bench.engine.control(closing(bench, 'false-alarm', minute(2)));
    bench.feed([bench.at(3, volume(5)), other(4, { method: 'place', bytesOut: 5, position: 50 })]);
    assert.deepEqual(
      latest(bench.findings).map(({ detector, subject }) => `${detector} ${subject.id}`),
      ['place probe:1', 'volume probe:1', 'place probe:9'],
    );
  });

  test('as a false alarm: what a detector says it is about is told, and covers nothing else of it', () => {
    const base = probe('volume', 'volume');
    const detector = defineDetector({
      ...base,
      describe: (state, event, subject, settings) => ({
        ...base.describe(state, event, subject, settings),
        about: event.consumer,
      }),
    });
    const bench = { ...openBench({ detectors: [detector] }), at: script() };
    bench.feed([bench.at(0, volume(8, { consumer: 'drift' }))]);
    assert.equal(bench.findings[0]!.about, 'drift');
    bench.engine.control(closing(bench, 'false-alarm', minute(2)));
    bench.feed([bench.at(3, volume(8, { consumer: 'drift' }))]);
    assert.equal(latest(bench.incidents).length, 1);
    bench.feed([bench.at(4, volume(8, { consumer: 'rise' }))]);
    assert.equal(latest(bench.incidents).length, 2);
  });

  test('as a false alarm lifts the suspicion: the baseline may learn', () => {
    const bench = opened();
    bench.feed([bench.at(0, volume(9)), bench.at(1)]);
    assert.equal(bench.engine.judge.subject.weight, 0);
    bench.engine.control(closing(bench, 'false-alarm', minute(2)));
    bench.feed([bench.at(3)]);
    assert.equal(bench.engine.judge.subject.weight, 1);
  });

  test('may have closed by itself before: it is told again, and remembered all the same', () => {
    const bench = opened();
    bench.feed([bench.at(0, volume(8)), bench.at(300)]);
    const before = bench.incidents.at(-1)!;
    assert.notEqual(before.closedAt, null);
    bench.engine.control(closing(bench, 'false-alarm', minute(300)));
    const after = bench.incidents.at(-1)!;
    assert.deepEqual(
      [after.id, after.revision, after.closedAt, after.closedAs],
      [before.id, before.revision + 1, before.closedAt, 'false-alarm'],
    );
    bench.feed([bench.at(301, volume(8))]);
    assert.equal(latest(bench.incidents).length, 1);
  });

  test('of a subject at most 16 kinds of evidence are remembered, the latest', () => {
    const { engine } = opened();
    const { falseAlarms } = engine.steering;
    for (let i = 0; i < 20; i++) {
      falseAlarms.remember('probe:1', [{ detector: 'place', about: `p${i}`, score: 5 }], 0, 10);
    }
    const covers = (i: number) =>
      falseAlarms.covers('probe:1', { detector: 'place', about: `p${i}`, score: 5 }, 1);
    assert.deepEqual(
      [covers(3), covers(4), covers(19), falseAlarms.dropped],
      [false, true, true, 4],
    );
  });
});
