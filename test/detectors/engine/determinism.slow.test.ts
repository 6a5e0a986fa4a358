/** All detectors together over the traffic model: whole or cut, among whom and in which order (promise 3). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ApiEvent } from '../../../core/event.ts';
import type { Finding, Incident } from '../../../core/finding.ts';
import { createTraffic } from '../../../traffic/traffic.ts';
import { eventsOf } from '../../support/traffic-events.ts';
import { latest, openBench, told } from '../bench.ts';
import { KeptState } from '../kept-state.ts';
import { settledRecords } from '../sound.ts';

const DAYS = 9;
const DAY_MS = 86_400_000;
const FROM_AT = Date.parse('2026-05-04T00:00:00Z');

function traffic(): ApiEvent[] {
  const kinds = ['stolen-key', 'error-burst', 'silence', 'spike', 'stolen-key'] as const;
  const model = createTraffic({
    seed: 32,
    keys: 6,
    days: DAYS,
    rates: { min: 0.002, max: 0.006 },
    attacks: kinds.map((kind, keyIndex) => ({
      kind,
      keyIndex,
      fromAt: FROM_AT + (DAYS - 1) * DAY_MS + keyIndex * 2_000_000,
      factor: kind === 'spike' ? 100 : kind === 'silence' ? 0 : 20,
      rateMin: 0.5,
    })),
  });
  return eventsOf(model);
}

const EVENTS = traffic();

function whole() {
  const bench = openBench({ durable: true });
  bench.feed(EVENTS);
  return bench;
}

const WHOLE = whole();

describe('promise 3: deterministic', () => {
  test('the traffic of this test has incidents of several families', () => {
    const families = new Set(latest(WHOLE.incidents).flatMap((incident) => incident.families));
    assert.ok(families.size >= 3, [...families].join(', '));
    assert.ok(EVENTS.length > 10_000, `${EVENTS.length} events`);
  });

  test('cut anywhere and any number of times: the same findings, incidents and bytes', () => {
    const cuts = fc.uniqueArray(fc.nat({ max: EVENTS.length - 1 }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(cuts, (at) => {
        const ends = [...at.sort((a, b) => a - b), EVENTS.length];
        const kept = new KeptState();
        const findings: Finding[] = [];
        const incidents: Incident[] = [];
        let records: unknown;
        let from = 0;
        for (const end of ends) {
          const bench = openBench({ durable: true, state: from === 0 ? undefined : kept.load() });
          // What was applied before is delivered again, as after a crash.
          bench.feed(EVENTS.slice(Math.max(0, from - 20), end));
          kept.take(bench.engine.checkpoint());
          findings.push(...bench.findings);
          incidents.push(...bench.incidents);
          records = bench.records();
          from = end;
        }
        assert.deepEqual(JSON.parse(JSON.stringify({ findings, incidents })), told(WHOLE));
        assert.deepEqual(records, WHOLE.records());
      }),
      { seed: 20260301, numRuns: 6 },
    );
  });

  test('a checkpoint between any two events changes nothing', () => {
    const bench = openBench({ durable: true });
    for (const [i, event] of EVENTS.entries()) {
      bench.engine.observe(event);
      if (i % 97 === 0) bench.engine.checkpoint();
    }
    assert.deepEqual(told(bench), told(WHOLE));
  });

  test('a key is judged alike alone and among others', () => {
    const ids = [...new Set(EVENTS.map(({ key }) => key.id))];
    for (const id of ids) {
      // The others still let time pass: as uses of one key that nobody judges.
      const clock = { id: 'kong:clock', digest0: 1, digest1: 2, digest2: 3, digest3: 4 };
      const bench = openBench({ durable: true });
      bench.feed(EVENTS.map((event) => (event.key.id === id ? event : { ...event, key: clock })));
      const own = <T extends Finding | Incident>(lines: readonly T[]): T[] =>
        lines.filter(({ subject }) => subject.id === id);
      assert.deepEqual(own(bench.findings), own(WHOLE.findings));
      assert.deepEqual(own(bench.incidents), own(WHOLE.incidents));
      assert.equal(settledRecords(bench)[id], settledRecords(WHOLE)[id]);
    }
  });

  test('what nobody keeps is told as what is kept', () => {
    const bench = openBench({ durable: false });
    bench.feed(EVENTS);
    assert.deepEqual(told(bench), told(WHOLE));
  });
});

test('promise 4: every finding is judged again from its recorded inputs, to the same score', () => {
  const bench = whole();
  const kept = new KeptState();
  kept.take(bench.engine.checkpoint());
  const found = latest(bench.findings);
  assert.ok(found.length >= 5);
  const fresh = openBench();
  for (const { id, detector } of found) {
    const inputs = kept.inputs.get(id);
    assert.ok(inputs !== undefined, `${detector}: no inputs`);
    for (const { engine } of [bench, fresh]) {
      const { score, identical } = engine.recompute(inputs);
      assert.ok(identical, `${detector}: ${score} for ${inputs.score}`);
    }
    assert.equal(
      fresh.engine.recompute({ ...inputs, score: inputs.score + 0.01 }).identical,
      false,
    );
    assert.equal(fresh.engine.recompute({ ...inputs, layoutVersion: 'other' }).identical, false);
  }
  assert.ok([...kept.inputs.values()].some(({ kind }) => kind === 'event'));
});
