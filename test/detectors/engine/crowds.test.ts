/** Subjects that are no keys: networks and consumers that fail, and many keys that deviate together. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ApiEvent } from '../../../core/event.ts';
import { type Bench, latest, only, openBench, told } from '../bench.ts';
import { readEvents } from '../fixture-events.ts';
import { KeptState } from '../kept-state.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/detectors');
const eventsOf = (name: string) => readEvents(join(FIXTURES, name, 'events.ndjson'));
const TOGETHER = only('fleet', { 'volume-spike': {} });

function whole(events: readonly ApiEvent[], settings: ReturnType<typeof only>): Bench {
  const bench = openBench({ settings, durable: true });
  bench.feed(events);
  return bench;
}

/** What is told when the engine is stopped and started again at these events. */
function cut(events: readonly ApiEvent[], settings: ReturnType<typeof only>, at: number[]) {
  const kept = new KeptState();
  const all: Bench = { ...openBench({ settings }), findings: [], incidents: [] };
  let from = 0;
  for (const end of [...at, events.length]) {
    const bench = openBench({
      settings,
      durable: true,
      state: from === 0 ? undefined : kept.load(),
    });
    bench.feed(events.slice(from, end));
    kept.take(bench.engine.checkpoint());
    all.findings.push(...bench.findings);
    all.incidents.push(...bench.incidents);
    from = end;
  }
  return { all, kept };
}

describe('many keys that deviate together', () => {
  const events = eventsOf('fleet/launch');
  const bench = whole(events, TOGETHER);
  const incidents = latest(bench.incidents);
  const ofFleet = incidents.filter(({ subject }) => subject.kind === 'fleet');

  test('are one incident of the fleet, and none of theirs is above low', () => {
    assert.equal(ofFleet.length, 1);
    assert.equal(ofFleet[0]!.severity, 'medium');
    const ofKeys = incidents.filter(({ subject }) => subject.kind === 'key');
    assert.ok(ofKeys.length >= 8, `${ofKeys.length} keys`);
    for (const { partOf, severity } of ofKeys) {
      assert.equal(partOf, ofFleet[0]!.id);
      assert.ok(['info', 'low'].includes(severity), severity);
    }
  });

  test('of them the engine says the same wherever it was cut', () => {
    const first = events.findIndex(({ at }) => at >= Date.parse('2026-03-04T12:00:20Z'));
    const { all } = cut(events, TOGETHER, [first, first + 111, first + 700, first + 1500]);
    assert.deepEqual(told(all), told(bench));
  });

  test('the engine knows how many aged keys are in use', () => {
    const keys = new Set(events.map(({ key }) => key.id)).size;
    const { activeKeys } = bench.engine.docket.shared.fleet;
    assert.ok(activeKeys >= 8 && activeKeys <= keys, `${activeKeys} of ${keys}`);
  });

  test('too few of them accuse each for itself', () => {
    const few = latest(whole(eventsOf('fleet/few'), TOGETHER).incidents);
    assert.deepEqual([...new Set(few.map(({ subject }) => subject.kind))], ['key']);
    assert.ok(few.every(({ partOf }) => partOf === undefined));
  });

  test('the finding of the fleet is judged again from its inputs', () => {
    const kept = new KeptState();
    kept.take(bench.engine.checkpoint());
    const finding = bench.findings.find(({ detector }) => detector === 'fleet')!;
    const inputs = kept.inputs.get(finding.id)!;
    assert.equal(bench.engine.recompute(inputs).identical, true);
    assert.equal(bench.engine.recompute({ ...inputs, score: inputs.score + 1 }).identical, false);
  });
});

describe('what people say of a subject that is no key', () => {
  const untilAt = Date.parse('2027-01-01T00:00:00Z');

  /** Closes the incident of a kind of subject as a false alarm after `events`, then feeds the rest. */
  function closed(name: string, settings: ReturnType<typeof only>, kind: string) {
    const events = eventsOf(name);
    const bench = openBench({ settings, durable: true });
    const opens = () => bench.engine.openIncidents().find(({ subject }) => subject.kind === kind);
    let fed = 0;
    while (!bench.incidents.some(({ subject }) => subject.kind === kind))
      bench.feed([events[fed++]!]);
    const incident = opens()!;
    const { at } = events[fed - 1]!;
    const body = { as: 'false-alarm', by: 'ann', reason: 'ours', incident, evidence: [], untilAt };
    bench.engine.control({ sequence: 1, at, kind: 'close', body });
    const last = bench.incidents.at(-1)!;
    assert.deepEqual([last.id, last.closedAs], [incident.id, 'false-alarm']);
    assert.equal(opens(), undefined);
    bench.feed([events[fed]!]);
    assert.equal(opens(), undefined, 'the same again is remembered');
    assert.ok(bench.engine.stats().heldBack.remembered >= (kind === 'network' ? 1 : 0));
  }

  test('a network and the fleet are closed, and the false alarm is remembered', () => {
    closed('stuffing/network', only('stuffing'), 'network');
    closed('fleet/launch', TOGETHER, 'fleet');
  });

  test('silences and the allowlist cover them too', () => {
    const subject = '198.51.100.0/24';
    for (const kind of ['silence', 'allow'] as const) {
      const bench = openBench({ settings: only('stuffing'), durable: true });
      const rule = { id: 'r', kind, subject, fromAt: 0, untilAt: null, by: 'ann', reason: 'scan' };
      bench.engine.control({ sequence: 1, at: 0, kind, body: { change: 'add', rule } });
      bench.feed(eventsOf('stuffing/network'));
      assert.equal(bench.incidents[0]?.silencedBy, kind === 'silence' ? 'r' : undefined);
      assert.equal(bench.incidents.length > 0, kind === 'silence');
    }
  });
});

describe('stuffing', () => {
  const events = eventsOf('stuffing/network');
  const settings = only('stuffing');
  const bench = whole(events, settings);

  test('is told of the network, alerts and never acts', () => {
    const [incident] = latest(bench.incidents);
    assert.deepEqual(incident!.subject, { kind: 'network', id: '198.51.100.0/24' });
    assert.ok(bench.findings.every(({ trust }) => trust === 'observe'));
    assert.deepEqual(bench.engine.openIncidents(), [incident]);
  });

  test('is the same wherever the engine was cut, and judged again from its inputs', () => {
    const guess = events.findIndex(({ attested }) => !attested);
    const { all, kept } = cut(events, settings, [guess + 3, guess + 12, guess + 30]);
    assert.deepEqual(told(all), told(bench));
    const inputs = kept.inputs.get(bench.findings[0]!.id)!;
    assert.equal(bench.engine.recompute(inputs).identical, true);
  });

  test('of 80,000 networks costs a bounded table', () => {
    const bounded = openBench({ settings });
    const [template] = events.filter(({ attested }) => !attested);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 1; i <= 80_000; i++) {
      const at = template!.at + i;
      bounded.engine.observe({ ...template!, at, network: i, networkId: `n${i}`, position: i });
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 20 << 20, `${grown} bytes`);
  });
});
