/** What the engine learns of a key under suspicion, and of requests that a limit refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiEvent } from '../../../core/event.ts';
import { LIMITED_BY } from '../../../core/record.ts';
import { type Bench, latest, learned, openBench } from '../bench.ts';
import { PROBES, script, VOLUME } from './probe.ts';

const DAY = 24 * 60;

const MONTH = learned(every(1, 0, 28 * DAY, script()), { detectors: PROBES });

/** A month of a key at one request a minute, and then what a test makes of it. */
function oldKey(): { bench: Bench; event: ReturnType<typeof script>; base(): number } {
  const bench = openBench({ detectors: PROBES, state: MONTH });
  const event = script('probe:1', 5, 28 * DAY);
  return { bench, event, base: () => bench.engine.judge.rate.base() * 60 };
}

function* every(
  minutes: number,
  from: number,
  to: number,
  event: ReturnType<typeof script>,
  change: Partial<ApiEvent> = {},
): Generator<ApiEvent> {
  for (let at = from; at < to; at += minutes) yield event(at, change);
}

const attack = (score: number): Partial<ApiEvent> => ({ method: VOLUME.id, bytesOut: score });

describe('what an incident taught', () => {
  const from = 28 * DAY + 60;
  const to = from + 6 * 60;
  for (const [name, score, isTaken] of [
    ['a high one that ended is taken back', 9, true],
    ['a medium one stays', 7.5, false],
  ] as const) {
    test(name, () => {
      const { bench, event, base } = oldKey();
      const before = base();
      bench.feed(every(0.05, from, to, event, attack(score)));
      const taught = base();
      assert.ok(taught > 1.01 * before, `${taught} for ${before}`);
      bench.feed(every(1, to, to + 3 * 60, event));
      assert.notEqual(latest(bench.incidents)[0]!.closedAt, null);
      const after = base();
      assert.equal(after < before * 1.005, isTaken, `${after} for ${before}, taught ${taught}`);
    });
  }

  test('stays where the key stays at its new level: that was a change', () => {
    const { bench, event, base } = oldKey();
    const before = base();
    bench.feed(every(0.05, from, to, event, attack(9)));
    bench.feed(every(0.05, to, to + 3 * 60, event));
    assert.notEqual(latest(bench.incidents)[0]!.closedAt, null);
    assert.ok(base() > 1.01 * before);
  });

  test('is the same whether the incident closes at the watermark or at the key’s next use', () => {
    const alone = oldKey();
    const others = oldKey();
    const clock = script('probe:2', 6);
    const events = [...every(0.05, from, to, alone.event, attack(9))];
    alone.bench.feed(events);
    others.bench.feed(events);
    others.bench.feed(
      [...every(1, to, to + 5 * 60, clock)].map((event) => ({
        ...event,
        position: event.position + 1e6,
      })),
    );
    const last = { ...alone.event(to + 6 * 60), position: 1e7 };
    alone.bench.feed([last]);
    others.bench.feed([last]);
    assert.equal(alone.bench.record('probe:1'), others.bench.record('probe:1'));
  });
});

describe('requests that a limit refused', () => {
  test('accuse nobody of silence, raise nothing and teach nothing, but are counted as usage', () => {
    const month = learned(every(1, 0, 28 * DAY, script()));
    for (const isRefused of [true, false]) {
      const bench = openBench({ state: month });
      const event = script('probe:1', 5, 28 * DAY);
      const record = { base: bench.engine.judge.rate.base() };
      const limited = { status: 429, limitedBy: LIMITED_BY.gateway };
      if (isRefused) bench.feed(every(0.1, 28 * DAY, 30 * DAY, event, limited));
      bench.feed(every(1, 30 * DAY, 30 * DAY + 60, event));
      assert.equal(latest(bench.findings).length > 0, !isRefused, 'without them it was silent');
      if (!isRefused) continue;
      assert.ok(Math.abs(bench.engine.judge.rate.base() / record.base - 1) < 0.05);
      assert.ok(bench.engine.stats().events >= 2 * DAY * 10 + 60);
    }
  });
});

describe('what windows remember after an incident has closed', () => {
  const days = function* (): Generator<ApiEvent> {
    const event = script();
    for (let day = 0; day < 21; day++) yield* every(1, day * DAY + 480, day * DAY + 1080, event);
  };
  const OFFICE = learned(days());

  /** A burst, 90 minutes of silence and one request more: how often the detector told something, then and later. */
  function told(detector: string, from: number, change: Partial<ApiEvent>): number[] {
    const bench = openBench({ state: OFFICE });
    const event = script('probe:1', 5, from);
    const count = () => latest(bench.findings).filter((one) => one.detector === detector).length;
    bench.feed(every(0.25, from, from + 180, event, change));
    bench.feed([event(from + 270, change)]);
    assert.notEqual(latest(bench.incidents)[0]!.closedAt, null);
    const first = count();
    bench.feed(every(0.25, from + 280, from + 340, event, change));
    return [first, count()];
  }

  test('of many requests at night: one alone tells nothing, many tell it again', () => {
    assert.deepEqual(told('volume-spike', 21 * DAY + 60, {}), [1, 2]);
  });

  test('of errors: one alone tells nothing, many tell it again', () => {
    assert.deepEqual(told('error-rate', 21 * DAY + 600, { status: 403 }), [1, 2]);
  });
});
