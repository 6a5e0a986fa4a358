/** Watermark and lateness, repeats and duplicates (design.md §4, promises 3 and 4). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Streams } from '../../../detectors/engine/streams.ts';
import { latest, openBench, told } from '../bench.ts';
import { KeptState } from '../kept-state.ts';
import { MINUTE_MS, PROBES, script } from './probe.ts';

describe('promise 3: the watermark', () => {
  test('is the least of the live streams, less their lateness, and never goes back', () => {
    const streams = new Streams();
    const a = streams.open('a', 'a', 1000);
    const b = streams.open('b', 'b', 60_000);
    streams.arrive(a, 500_000);
    assert.equal(streams.watermark, Number.NEGATIVE_INFINITY, 'b has not spoken yet');
    streams.arrive(b, 500_000);
    assert.equal(streams.watermark, 440_000);
    streams.arrive(b, 300_000);
    assert.equal(streams.watermark, 440_000);
    streams.arrive(b, 900_500);
    assert.equal(streams.watermark, 499_000, 'a holds it back now');
    streams.setSilent(a, true);
    assert.equal(streams.watermark, 840_000, 'a silent stream does not hold it');
    streams.setSilent(a, false);
    assert.equal(streams.watermark, 840_000);
    streams.open('c', 'c', 0);
    streams.arrive(b, 2_000_000);
    assert.equal(streams.watermark, 840_000);
    streams.close(2, 0);
    streams.close(a, 0);
    assert.equal(streams.watermark, 1_940_000, 'nor do streams that have ended');
    streams.close(b, 0);
    assert.equal(streams.watermark, 1_940_000, 'nor does the end of the last one move it');
  });

  test('a late event counts at once; later than the bound it is counted, not learned', () => {
    const bench = openBench({ detectors: PROBES });
    const at = script();
    bench.feed([at(10), at(9.01, { method: 'volume', bytesOut: 9 })]);
    assert.equal(latest(bench.findings).length, 1);
    bench.feed([at(8.9, { method: 'place', bytesOut: 9 })]);
    assert.equal(latest(bench.findings).length, 1);
    const { late, events } = bench.engine.stats();
    assert.deepEqual([late, events], [1, 3]);
    assert.equal(bench.engine.judge.header.events, 2);
    assert.equal(bench.engine.judge.header.usageRequests, 3);
  });

  test('a log of the past that comes after the live one makes no key old', () => {
    const bench = openBench();
    const [live, old] = [script('probe:live', 1), script('probe:old', 2)];
    const now = 30 * 24 * 60;
    bench.feed([live(now, { position: 1 })]);
    for (let day = 0; day < 20; day++) bench.feed([old(day * 1440, { position: 2 + day })]);
    assert.equal(bench.engine.stats().late, 20);
    const [first, since] = ['probe:live', 'probe:old'].map((id) => bench.engine.key(id)!.firstAt);
    assert.equal(Date.parse(first!) - Date.parse(since!), MINUTE_MS, 'the watermark is there');
  });

  test('absence is judged when the watermark passes, not at the end of a file', () => {
    const life = (until: number): [string, string][] => {
      const bench = openBench();
      const busy = script('probe:busy', 1);
      const clock = script('probe:clock', 2);
      const days = 16 * 24 * 60;
      for (let minute = 0, position = 0; minute < days + until; minute++) {
        const a = 4 * position++;
        if (minute < days)
          bench.feed([busy(minute, { position: a }), busy(minute + 0.4, { position: a + 1 })]);
        if (minute % 5 === 0) bench.feed([clock(minute, { position: a + 2 })]);
      }
      bench.engine.closeStream(bench.stream, 1e9);
      return latest(bench.findings).map(({ subject, toAt }) => [subject.id, toAt]);
    };
    assert.deepEqual(life(0), []);
    const found = life(120);
    assert.deepEqual(
      found.map(([id]) => id),
      ['probe:busy'],
    );
    // Time that passes after it changes nothing of when it was.
    assert.deepEqual(life(180), found);
    const silentMs = Date.parse(found[0]![1]) - (Date.parse('2026-03-18T00:00:00Z') - MINUTE_MS);
    assert.ok(silentMs > 5 * MINUTE_MS && silentMs < 110 * MINUTE_MS, `after ${silentMs} ms`);
  });
});

describe('promise 4: nothing twice', () => {
  const attack = { method: 'volume', bytesOut: 9 };

  test('a position at or below the highest applied of its stream is dropped, also after a restart', () => {
    const kept = new KeptState();
    const first = openBench({ detectors: PROBES, durable: true });
    const events = [0, 1, 2, 3].map((minute, i) =>
      script()(minute, { ...attack, position: 10 * i }),
    );
    first.feed(events.slice(0, 3));
    kept.take(first.engine.checkpoint());
    const second = openBench({ detectors: PROBES, durable: true, state: kept.load() });
    second.feed(events);
    assert.equal(second.engine.stats().repeats, 3);
    assert.equal(second.engine.judge.header.events, 4);
    const other = second.engine.openStream('bench', 'another', 0);
    second.feed([{ ...events[0]!, at: events[3]!.at, stream: other }]);
    assert.equal(second.engine.stats().repeats, 3, 'positions are of a stream');
  });

  test('a duplicate by the gateway’s request id is dropped, also after a restart; none is no id', () => {
    const at = script();
    const kept = new KeptState();
    const first = openBench({ detectors: PROBES, durable: true });
    first.feed([at(0, { fingerprint0: 1, fingerprint1: 2 }), at(1), at(2)]);
    kept.take(first.engine.checkpoint());
    const second = openBench({ detectors: PROBES, durable: true, state: kept.load() });
    second.feed([
      at(3, { fingerprint0: 1, fingerprint1: 2 }),
      at(4, { fingerprint0: 1, fingerprint1: 3 }),
    ]);
    assert.equal(second.engine.stats().duplicates, 1);
    assert.equal(second.engine.judge.header.events, 4);
    assert.equal(second.engine.streams.totals('bench').duplicates, 1);
  });

  test('ids come from subject, detector, opening time and the subject’s own event count', () => {
    const run = (others: number) => {
      const bench = openBench({ detectors: PROBES });
      for (let i = 0; i < others; i++)
        bench.feed([script(`probe:x${i}`, 100 + i)(0, { position: i })]);
      const at = script();
      bench.feed([at(0, { position: 100 }), at(1, { ...attack, position: 101 })]);
      return told(bench);
    };
    assert.deepEqual(run(0), run(40));
  });
});
