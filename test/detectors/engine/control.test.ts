/** What people tell detection: silences and the allowlist, at their place in the sequence. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Rule } from '../../../core/control.ts';
import type { ApiEvent } from '../../../core/event.ts';
import type { ControlRecord } from '../../../core/store.ts';
import { type Bench, openBench, told } from '../bench.ts';
import { KeptState } from '../kept-state.ts';
import { MINUTE_MS, PROBES, script } from './probe.ts';
import { closing, GERMAN, minute, opened, remove, silence, volume } from './said.ts';

describe('a silence', () => {
  test('lets everything be found and kept, and raises no alert', () => {
    const { engine, feed, findings, incidents, at } = opened();
    const rule = silence({ subject: 'probe:1' });
    engine.control(rule);
    feed([at(0, volume(9))]);
    assert.deepEqual(
      [findings.length, incidents.length, incidents[0]!.severity],
      [1, 1, 'high'],
      'found and told, with the severity that it has',
    );
    const id = (rule.body['rule'] as Rule).id;
    assert.deepEqual([findings[0]!.silencedBy, incidents[0]!.silencedBy], [id, id]);
    const { incidents: counted, silenced } = engine.stats();
    assert.deepEqual([counted, silenced], [{}, 1]);
  });

  test('covers what meets all of its criteria, and nothing else', () => {
    const cases: [Partial<Rule>, Partial<ApiEvent>, boolean][] = [
      [{ subject: 'probe:1' }, {}, true],
      [{ subject: 'probe:2' }, {}, false],
      [{ detector: 'volume' }, {}, true],
      [{ detector: 'place' }, {}, false],
      [{ consumer: 'acme' }, { consumer: 'acme' }, true],
      [{ consumer: 'acme' }, { consumer: 'other' }, false],
      [{ place: 'DE' }, { place: GERMAN }, true],
      [{ place: 'FR' }, { place: GERMAN }, false],
      [{ place: '198.51.100.0/24', networks: [77] }, { network: 77 }, true],
      [{ place: '198.51.100.0/24', networks: [77] }, { network: 78 }, false],
      [{ subject: 'probe:1', detector: 'volume', place: 'DE' }, { place: GERMAN }, true],
      [{ subject: 'probe:1', detector: 'errors' }, {}, false],
      [{ label: 'billing' }, {}, false],
    ];
    for (const [criteria, event, covered] of cases) {
      const { engine, feed, incidents, at } = opened();
      engine.control(silence(criteria));
      feed([at(0, volume(6, event))]);
      assert.equal(incidents[0]!.silencedBy !== undefined, covered, JSON.stringify(criteria));
    }
  });

  test('ends at its time, by event time: what still goes on is told as an alert then', () => {
    const { engine, feed, findings, incidents, at } = opened();
    engine.control(silence({ subject: 'probe:1', untilAt: minute(10) }));
    feed([at(0, volume(9)), at(9, volume(9))]);
    assert.notEqual(incidents.at(-1)!.silencedBy, undefined);
    feed([at(10.5, volume(8))]);
    assert.equal(findings.at(-1)!.silencedBy, undefined);
    const last = incidents.at(-1)!;
    assert.deepEqual([last.silencedBy, last.updatedAt], [undefined, '2026-03-02T00:10:00.000Z']);
    assert.deepEqual(engine.stats().incidents, { high: 1 });
  });

  test('ends at the same instant whoever lets time pass: the key itself, or another', () => {
    const ends = (own: boolean): unknown => {
      const { engine, feed, findings, incidents, at } = opened();
      const other = script('probe:9', 9);
      engine.control({ ...silence({ subject: 'probe:1', untilAt: minute(5) }), sequence: 8000 });
      feed([at(0, volume(9))]);
      // The watermark stands a minute behind.
      feed([own ? at(7, volume(9)) : other(7, { position: 90 })]);
      if (!own) feed([at(7.5, { ...volume(9), position: 91 })]);
      const lines = JSON.stringify([findings, incidents].map((all) => all.slice(0, 2)));
      return lines.replace(/sil_\d+/g, 'sil').replace(/"toAt":"[^"]*"/g, '');
    };
    assert.equal(ends(true), ends(false));
  });

  test('of many is told in the same order, wherever the engine was cut', () => {
    const { engine, feed, incidents } = openBench({ detectors: PROBES, durable: true });
    const keys = [5, 261, 517].map((digest) => script(`probe:${digest}`, digest));
    feed(
      keys.map((at, i) => at(3 - i, { ...volume(6), position: 3 - i })).sort((a, b) => a.at - b.at),
    );
    const kept = new KeptState();
    kept.take(engine.checkpoint());
    const state = kept.load();
    const cut = openBench({
      detectors: PROBES,
      durable: true,
      state: { ...state, open: [...state.open].reverse() },
    });
    const record = silence({ detector: 'volume' }, minute(4));
    engine.control(record);
    cut.engine.control(record);
    assert.equal(cut.incidents.length, 3);
    assert.deepEqual(cut.incidents, incidents.slice(-3));
  });

  test('takes hold of what is open, and lets go of it when it is removed', () => {
    const { engine, feed, incidents, at } = opened();
    feed([at(0, volume(9))]);
    const rule = silence({ detector: 'volume' }, minute(1));
    engine.control(rule);
    const { id } = rule.body['rule'] as Rule;
    assert.equal(incidents.at(-1)!.silencedBy, id);
    assert.deepEqual(engine.stats().incidents, { high: 0 });
    engine.control(remove(id, minute(2)));
    assert.equal(incidents.at(-1)!.silencedBy, undefined);
    assert.deepEqual(engine.stats().incidents, { high: 1 });
    engine.control(rule);
    assert.equal(incidents.at(-1)!.silencedBy, undefined, 'a record is applied once');
  });

  test('of one detector adds nothing to what others find', () => {
    const { engine, feed, incidents, at } = opened();
    engine.control(silence({ detector: 'volume' }));
    feed([at(0, volume(12)), at(1, { method: 'errors', bytesOut: 6 })]);
    const last = incidents.at(-1)!;
    assert.deepEqual([last.silencedBy, last.risk, last.severity], [undefined, 6, 'low']);
  });

  test('of a place does not cover what comes from elsewhere later', () => {
    const { engine, feed, findings, at } = opened();
    engine.control(silence({ place: 'DE' }));
    feed([at(0, volume(6, { place: GERMAN })), at(1, volume(6))]);
    assert.deepEqual(
      findings.map(({ silencedBy }) => silencedBy !== undefined),
      [true, false],
    );
  });
});

describe('the allowlist', () => {
  test('keeps what it covers from ever being found, and counts it', () => {
    const { engine, feed, findings, at } = opened();
    engine.control(silence({ kind: 'allow', place: 'DE' }));
    feed([at(0, volume(9, { place: GERMAN }))]);
    assert.equal(findings.length, 0);
    assert.equal(engine.stats().heldBack.allowed, 1);
    feed([at(1, volume(9))]);
    assert.equal(findings.length, 1);
  });

  test('comes before a silence', () => {
    const { engine, feed, findings, at } = opened();
    engine.control(silence({ subject: 'probe:1' }));
    engine.control(silence({ kind: 'allow', detector: 'volume' }));
    feed([at(0, volume(9))]);
    assert.equal(findings.length, 0);
  });

  test('is bounded together with the silences; what has ended makes room', () => {
    const { engine } = opened();
    for (let i = 0; i < 10_001; i++) {
      const untilAt = i === 0 ? minute(1) : null;
      engine.control(silence({ subject: `probe:${i}`, untilAt }, minute(0)));
    }
    assert.deepEqual([engine.steering.rules.size, engine.steering.rules.dropped], [10_000, 1]);
    engine.control(silence({ subject: 'late' }, minute(2)));
    assert.deepEqual([engine.steering.rules.size, engine.steering.rules.dropped], [10_000, 1]);
  });
});

test('risks are counted by tenths, once an incident, of those that raise alerts', () => {
  const { engine, feed, at } = opened();
  const other = script('probe:9', 9);
  feed([at(0, volume(5)), at(1, volume(8.25)), other(2, { ...volume(5), position: 90 })]);
  assert.deepEqual(
    new Map(engine.stats().risks),
    new Map([
      [5, 1],
      [8.2, 1],
    ]),
  );
  engine.control(silence({ subject: 'probe:9' }, minute(3)));
  assert.deepEqual(new Map(engine.stats().risks).get(5), 0);
  assert.equal(engine.stats().spanMs, 2 * MINUTE_MS);
});

describe('control records in the sequence', () => {
  const at = script();
  const steps: (ApiEvent | ((bench: Bench) => ControlRecord))[] = [
    at(0, volume(9)),
    () => ({ ...silence({ subject: 'probe:1', untilAt: minute(30) }, minute(1)), sequence: 9001 }),
    at(2, volume(12)),
    at(5, { method: 'errors', bytesOut: 6 }),
    at(29, volume(9)),
    at(31, volume(9)),
    () => ({ ...silence({ kind: 'allow', detector: 'errors' }, minute(32)), sequence: 9002 }),
    at(33, { method: 'errors', bytesOut: 20 }),
    (bench) => ({ ...closing(bench, 'false-alarm', minute(34)), sequence: 9003 }),
    at(35, volume(13)),
    at(36, volume(17)),
    at(200),
  ];

  function play(cuts: ReadonlySet<number>): unknown {
    const kept = new KeptState();
    const lines = { findings: [], incidents: [] } as unknown as Pick<
      Bench,
      'findings' | 'incidents'
    >;
    let bench = openBench({ detectors: PROBES, durable: true });
    let records: unknown;
    for (const [i, step] of steps.entries()) {
      const all = { ...bench, ...(told(bench) as object) };
      if (typeof step === 'function') {
        const seen = {
          ...all,
          incidents: [...lines.incidents, ...bench.incidents],
          findings: [...lines.findings, ...bench.findings],
        };
        bench.engine.control(step(seen));
      } else bench.feed([step]);
      records = bench.records();
      if (!cuts.has(i) && i < steps.length - 1) continue;
      lines.findings.push(...bench.findings);
      lines.incidents.push(...bench.incidents);
      kept.take(bench.engine.checkpoint());
      bench = openBench({ detectors: PROBES, durable: true, state: kept.load() });
    }
    return JSON.parse(JSON.stringify({ ...lines, records }));
  }

  test('cut anywhere: the same findings, incidents and records', () => {
    const whole = play(new Set());
    const { incidents } = whole as { incidents: { closedAs?: string; silencedBy?: string }[] };
    assert.ok(incidents.some(({ closedAs }) => closedAs === 'false-alarm'));
    assert.ok(incidents.some(({ silencedBy }) => silencedBy !== undefined));
    const ids = (value: unknown) => JSON.stringify(value).replace(/sil_\d+/g, 'sil');
    for (let i = 0; i < steps.length; i++)
      assert.equal(ids(play(new Set([i]))), ids(whole), `${i}`);
    assert.equal(ids(play(new Set(steps.keys()))), ids(whole));
  });
});
