/** The detector leak: proof from outside becomes one critical incident of the very key, whatever happens meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LeakNotice } from '../../core/control.ts';
import type { FindingInputs } from '../../core/finding.ts';
import { type Bench, type BenchOptions, latest, openBench } from './bench.ts';
import { script } from './engine/probe.ts';
import { KeptState } from './kept-state.ts';

const NOTICE: LeakNotice = {
  key: 'probe:1',
  sender: 'scanner',
  deliveryId: 'msg_1',
  url: 'https://code.example/a',
};

interface Lived extends Bench {
  readonly inputs: FindingInputs[];
  /** Uses of the key in these minutes. */
  use(from: number, until: number): void;
  /** A report, so many records after the last. */
  report(change?: Partial<LeakNotice>): void;
}

function lived(options: BenchOptions = {}, recordsBefore = 0): Lived {
  const inputs: FindingInputs[] = [];
  const bench = openBench({ durable: true, ...options, onInputs: (one) => inputs.push(one) });
  const at = script();
  let sequence = recordsBefore;
  return {
    ...bench,
    inputs,
    use(from, until) {
      for (let minute = from; minute < until; minute++) bench.feed([at(minute, {})]);
    },
    report(change = {}) {
      const body = { ...NOTICE, ...change };
      bench.engine.control({ sequence: ++sequence, at: lastAt(bench), kind: 'leak', body });
    },
  };
}

function lastAt({ engine }: Bench): number {
  return engine.stats().lastAt!;
}

test('a report alone is critical, at once, and says where the key was found', () => {
  const bench = lived();
  bench.use(0, 10);
  bench.report();
  const [incident] = bench.incidents;
  assert.equal(incident!.severity, 'critical');
  assert.equal(incident!.risk, 10);
  assert.deepEqual(incident!.families, ['credential']);
  assert.match(
    incident!.why,
    /^The key is public: scanner sent .* found at https:\/\/code\.example\/a\.$/,
  );
  assert.equal(bench.findings[0]!.severity, 'critical');
  bench.use(10, 200);
  assert.deepEqual(latest(bench.findings).length, 1);
  assert.notEqual(latest(bench.incidents)[0]!.closedAt, null);
});

test('the same report again is no news, however late; another one is, once the incident is over', () => {
  const bench = lived();
  bench.use(0, 10);
  bench.report();
  bench.report();
  assert.equal(bench.findings.length, 1);
  bench.use(10, 200);
  const told = bench.findings.length;
  bench.report();
  bench.report({ url: 'https://code.example/b' });
  assert.equal(bench.findings.length, told);
  bench.report({ deliveryId: 'msg_2' });
  assert.equal(latest(bench.findings).length, 2);
});

test('a key that is unknown, meant to be seen or of another engine is not accused', () => {
  const bench = lived({ shard: { index: 0, count: 2 } });
  bench.use(0, 10);
  bench.report({ key: 'probe:2' });
  bench.report({ deliveryId: 'msg_2', group: 5 });
  assert.deepEqual(bench.findings, []);
  bench.report({ deliveryId: 'msg_3', group: 4 });
  assert.equal(bench.findings.length, 1);
});

test('cut anywhere and restored, what is told is the same, and a report is still known', () => {
  const whole = lived();
  whole.use(0, 10);
  whole.report();
  whole.use(10, 200);
  for (const cut of ['before', 'after', 'closed'] as const) {
    const kept = new KeptState();
    const first = lived();
    first.use(0, 10);
    if (cut !== 'before') first.report();
    if (cut === 'closed') first.use(10, 150);
    kept.take(first.engine.checkpoint());
    const next = lived({ state: kept.load() }, 1);
    next.report();
    assert.equal(next.findings.length, cut === 'before' ? 1 : 0);
    for (let skipped = 0; skipped < 1; skipped++) next.use(0, 200);
    const told = latest([...first.findings, ...next.findings]);
    assert.deepEqual(told, latest(whole.findings), cut);
    assert.deepEqual(latest([...first.incidents, ...next.incidents]), latest(whole.incidents), cut);
  }
});

test('explain comes to the same score from what was recorded', () => {
  const bench = lived();
  bench.use(0, 10);
  bench.report();
  const inputs = structuredClone(bench.inputs[0]!);
  assert.deepEqual(bench.engine.recompute(inputs), { score: 10, identical: true });
  assert.deepEqual(bench.engine.recompute({ ...inputs, score: 9 }), {
    score: 10,
    identical: false,
  });
});

test('while the report is news nothing is learned of who uses the key', () => {
  const bench = lived();
  bench.use(0, 100);
  const before = bench.engine.key('probe:1')!.events;
  bench.report();
  bench.use(100, 110);
  assert.equal(bench.engine.key('probe:1')!.events, before + 10);
  assert.ok(bench.engine.judge.weightAt(Math.floor(lastAt(bench) / 1000)) === 0);
});

test('what a person called a false alarm does not come again from the same place', () => {
  const bench = lived();
  bench.use(0, 10);
  bench.report();
  const incident = latest(bench.incidents)[0]!;
  const closing = { as: 'false-alarm', by: 'ann', reason: 'a sample', incident, evidence: [] };
  const untilAt = lastAt(bench) + 86_400_000;
  const body = { ...closing, untilAt };
  bench.engine.control({ sequence: 100, at: lastAt(bench), kind: 'close', body });
  const record = { kind: 'leak', at: lastAt(bench) } as const;
  bench.engine.control({ ...record, sequence: 101, body: { ...NOTICE, deliveryId: 'msg_2' } });
  assert.equal(latest(bench.findings).length, 1);
  const elsewhere = { ...NOTICE, deliveryId: 'msg_3', url: 'https://code.example/b' };
  bench.engine.control({ ...record, sequence: 102, body: elsewhere });
  assert.equal(latest(bench.findings).length, 2);
});

test('the detector can be switched off', () => {
  const bench = lived({ settings: { leak: { enabled: false } } });
  bench.use(0, 10);
  bench.report();
  assert.deepEqual(bench.findings, []);
});
