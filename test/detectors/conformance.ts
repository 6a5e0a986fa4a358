/**
 * What every detector must keep. The checks take a trial, so that a stranger's detector is held to the same;
 * toy.slow.test.ts shows that each of them notices a detector that breaks what it checks.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { z } from 'zod';
import { KeyhoundError } from '../../core/errors.ts';
import type { ApiEvent } from '../../core/event.ts';
import { FAMILIES, type Finding, type FindingContext, type Incident } from '../../core/finding.ts';
import { AUTH } from '../../core/record.ts';
import { bytesOfPart } from '../../detectors/engine/layout.ts';
import { type Bench, LATENESS_MS, told } from './bench.ts';
import { hostileEvents } from './hostile.ts';
import { KeptState } from './kept-state.ts';
import { assertSound, settledRecords } from './sound.ts';
import { changed, frozen, type Trial } from './trial.ts';

export interface Check {
  readonly name: string;
  run(trial: Trial): void;
  /** Takes long for all detectors together: not in the fast tests. */
  readonly slow?: true;
}

const SEED = Number(process.env['FUZZ_SEED'] ?? 20260301);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 40);
/** A checkpoint and a restart cost most; within a trial, every event that tells something gets one. */
const RESTARTS = 60;

export const CHECKS: readonly Check[] = [
  { name: 'declares what it is, and its bounds', run: declares },
  { name: 'every setting has a description, bounds and a default', run: describesSettings },
  { name: 'deterministic: the same events, the same findings and bytes', run: isDeterministic },
  {
    name: 'other subjects, their order and the order of interning change nothing',
    run: standsAlone,
    slow: true,
  },
  { name: 'the event is not written to', run: leavesInputUntouched },
  {
    name: 'cut at any event and restored, it goes on as if nothing had happened',
    run: survivesCuts,
    slow: true,
  },
  { name: 'keeps no state outside its record', run: keepsStateInRecord },
  {
    name: 'is judged again from recorded inputs, whatever is declared by then',
    run: isJudgedAgain,
  },
  { name: 'an event delivered twice counts once', run: countsOnce },
  {
    name: 'late events count without moving time back; too late ones are not learned',
    run: takesLate,
    slow: true,
  },
  {
    name: 'in any order within the lateness bound, whole or cut',
    run: takesReordered,
    slow: true,
  },
  {
    name: 'any events: scores and state stay finite, records keep their size',
    run: staysFinite,
    slow: true,
  },
  {
    name: 'claimed use is never learned, and accuses nobody',
    run: ignoresClaimed,
    slow: true,
  },
  { name: 'a state of another version is migrated, or refused clearly', run: knowsVersions },
];

function declares({ detector }: Trial): void {
  assert.match(detector.id, /^[a-z]+(-[a-z]+)*$/);
  assert.ok(Number.isInteger(detector.version) && detector.version >= 1);
  assert.ok(FAMILIES.includes(detector.family));
  assert.ok(detector.summary.length > 0 && detector.summary.length <= 100);
  assert.ok(detector.aloneMax > 0);
  assert.ok(Object.isFrozen(detector), 'a detector is frozen');
}

interface SettingSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
}

function describesSettings({ detector }: Trial): void {
  const schema = z.toJSONSchema(detector.config, { io: 'input' });
  const settings = Object.entries(schema.properties ?? {}) as [string, SettingSchema][];
  assert.equal(schema.properties?.['enabled'] === undefined, false, 'can be switched off');
  for (const [name, setting] of settings) {
    assert.match(setting.description ?? '', /\.$/, `${name} has a sentence that describes it`);
    assert.notEqual(setting.default, undefined, `${name} has a default`);
    if (setting.type !== 'number' && setting.type !== 'integer') continue;
    const least = setting.minimum ?? setting.exclusiveMinimum;
    // zod bounds whole numbers by what a double holds.
    assert.ok(least !== undefined && least > Number.MIN_SAFE_INTEGER, `${name} has a lower bound`);
  }
  assert.equal(detector.config.parse({}).enabled, true);
  assert.throws(() => detector.config.parse({ noSuchSetting: 1 }), 'unknown settings are refused');
}

function isDeterministic(trial: Trial): void {
  const first = trial.open();
  first.feed(trial.events);
  const second = trial.open();
  second.feed(trial.events.map(frozen));
  assert.deepEqual(told(second), told(first));
  assert.deepEqual(second.records(), first.records());
}

/** The same events among those of other keys, with parts made and slots given in two different orders. */
function standsAlone(trial: Trial): void {
  const alone = trial.open();
  alone.feed(trial.events);
  const ids = Object.keys(alone.records());
  for (const backwards of [false, true]) {
    const subjects = [...trial.state.subjects];
    if (backwards) subjects.reverse();
    const bench = trial.open({ ...trial.state, subjects });
    bench.feed(numbered(interned(crowded(trial.events, backwards), backwards)));
    for (const id of ids) {
      assert.deepEqual(ofSubject(bench, id), ofSubject(alone, id), `findings of ${id}`);
      assert.equal(settledRecords(bench)[id], settledRecords(alone)[id], `record of ${id}`);
    }
  }
}

const OTHERS = 3;

/** Every event with three of other keys beside it; before or after makes no difference to time. */
function crowded(events: readonly ApiEvent[], backwards: boolean): ApiEvent[] {
  return events.flatMap((event) => {
    const others = Array.from({ length: OTHERS }, (_, i) => {
      const { key } = event;
      // The digest's low byte is the key group: some share it.
      const digest0 = key.digest0 ^ (i << 8) ^ (i & 1);
      const other = { ...key, id: `${key.id} ${i}`, digest0, digest1: key.digest1 ^ (i + 1) };
      return changed(event, { key: other, fingerprint0: 0, fingerprint1: 0 });
    });
    return backwards ? [event, ...others.reverse()] : [event, ...others];
  });
}

/** Equal parts become one object, made in order of their first or of their last use. */
function interned(events: readonly ApiEvent[], backwards: boolean): ApiEvent[] {
  const parts = new Map<string, object>();
  const one = <T extends object>(part: T): T => {
    const text = JSON.stringify(part);
    const known = parts.get(text) ?? Object.freeze({ ...part });
    parts.set(text, known);
    return known as T;
  };
  for (const event of backwards ? [...events].reverse() : events) one(event.key);
  return events.map((event) => {
    const { key, place, route, client } = event;
    const shared = { key: one(key), place: one(place), route: one(route), client: one(client) };
    return changed(event, shared);
  });
}

function numbered(events: readonly ApiEvent[]): ApiEvent[] {
  const first = Math.min(...events.map(({ position }) => position));
  return events.map((event, i) => changed(event, { position: first + i }));
}

function ofSubject(bench: Bench, id: string): unknown[] {
  const lines = [...bench.findings, ...bench.incidents].filter(({ subject }) => subject.id === id);
  return JSON.parse(JSON.stringify(lines)) as unknown[];
}

function leavesInputUntouched(trial: Trial): void {
  const events = trial.events.map((event) => ({ ...event, place: { ...event.place } }));
  trial.open().feed(events);
  assert.deepEqual(events, trial.events);
  // What is frozen throws when it is written to, even by somebody who puts it back.
  trial.open().feed(trial.events);
}

export function survivesCuts(trial: Trial): void {
  assertCutsUnseen(trial, trial.events);
}

function assertCutsUnseen(trial: Trial, events: readonly ApiEvent[]): void {
  const whole = trial.open();
  const toldAt = events.map((event) => {
    whole.engine.observe(event);
    return whole.findings.length;
  });
  const every = Math.ceil(events.length / RESTARTS);
  const kept = new KeptState(trial.state);
  let cut = trial.open();
  const findings: Finding[] = [];
  const incidents: Incident[] = [];
  for (const [i, event] of events.entries()) {
    cut.engine.observe(event);
    // Not only the same, but as soon: what is due must be remembered.
    assert.equal(findings.length + cut.findings.length, toldAt[i], `findings after event ${i}`);
    const tells = toldAt[i] !== toldAt[i - 1] || toldAt[i] !== toldAt[i + 1];
    if (!tells && i % every !== 0) continue;
    kept.take(cut.engine.checkpoint());
    findings.push(...cut.findings);
    incidents.push(...cut.incidents);
    cut = trial.open(kept.load());
  }
  assert.deepEqual(
    JSON.parse(JSON.stringify({ findings, incidents })),
    told(whole),
    'findings of a run that was cut',
  );
  assert.deepEqual(cut.records(), whole.records(), 'state of a run that was cut');
}

/** A second engine lives through other events of the same keys, turn by turn. */
function keepsStateInRecord(trial: Trial): void {
  const undisturbed = trial.open();
  undisturbed.feed(trial.events);
  const bench = trial.open();
  const other = trial.open();
  const backwards = [...trial.events].reverse();
  for (const [i, event] of trial.events.entries()) {
    bench.engine.observe(event);
    const { at, position } = event;
    other.engine.observe(changed(backwards[i]!, { at: at + 7_654_321, position, status: 500 }));
  }
  assert.deepEqual(told(bench), told(undisturbed));
  assert.deepEqual(bench.records(), undisturbed.records());
}

function isJudgedAgain(trial: Trial): void {
  const bench = trial.open();
  bench.feed(trial.events);
  const kept = new KeptState();
  kept.take(bench.engine.checkpoint());
  assert.ok(kept.inputs.size > 0);
  for (const inputs of kept.inputs.values()) {
    // As a store gives it back.
    const context = JSON.parse(JSON.stringify(inputs.context)) as FindingContext;
    const { engine } = trial.openUndeclared();
    const { score, identical } = engine.recompute({ ...inputs, context });
    assert.ok(identical, `${score} for ${inputs.score}`);
  }
}

function countsOnce(trial: Trial): void {
  const marked = trial.events.map((event, i) =>
    changed(event, { fingerprint0: i + 1, fingerprint1: 7, position: event.position * 2 }),
  );
  const once = trial.open();
  once.feed(marked);
  const twice = trial.open();
  for (const event of marked) {
    // The same position is a repeat; the same request at another position is a duplicate.
    twice.feed([event, event, changed(event, { position: event.position + 1 })]);
  }
  const { repeats, duplicates } = twice.engine.stats();
  assert.deepEqual([repeats, duplicates], [marked.length, marked.length]);
  assert.deepEqual(told(twice), told(once));
  assert.deepEqual(twice.records(), once.records());
}

function takesLate(trial: Trial): void {
  const late = numbered(
    trial.events.flatMap((event) => [event, changed(event, { at: event.at - 20_000 })]),
  );
  const bench = trial.open();
  let latest = 0;
  for (const event of late) {
    bench.engine.observe(event);
    latest = Math.max(latest, bench.engine.judge.rate.state.second);
    assert.equal(bench.engine.judge.rate.state.second, latest, 'time does not go back');
    assertSound(bench);
  }
  assert.equal(bench.engine.stats().late, 0);
  const punctual = trial.open();
  punctual.feed(trial.events);
  const tooLate = trial.open();
  const old = LATENESS_MS + 1000;
  tooLate.feed(
    numbered(trial.events.flatMap((event) => [event, changed(event, { at: event.at - old })])),
  );
  const { late: tooLateCount } = tooLate.engine.stats();
  assert.ok(tooLateCount >= trial.events.length / 2, `${tooLateCount} events too late`);
  assert.deepEqual(told(tooLate), told(punctual));
  assert.deepEqual(settledRecords(tooLate), settledRecords(punctual));
}

function takesReordered(trial: Trial): void {
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat({ max: LATENESS_MS - 2000 })), (delays) => {
      const arrivals = trial.events.map((event) => ({
        event,
        at: event.at + delays.next().value!,
      }));
      arrivals.sort((a, b) => a.at - b.at || a.event.position - b.event.position);
      const events = numbered(arrivals.map(({ event }) => event));
      assertCutsUnseen(trial, events);
    }),
    { seed: SEED, numRuns: 2 },
  );
}

function staysFinite(trial: Trial): void {
  const last = trial.events.at(-1)!;
  const size = trial.open().engine.judge.layout.size;
  fc.assert(
    fc.property(hostileEvents(last), fc.boolean(), (events, fresh) => {
      const bench = trial.open(fresh ? 'nothing learned' : trial.state);
      for (const event of events) {
        bench.engine.observe(event);
        assertSound(bench);
      }
      for (const bytes of Object.values(bench.records())) assert.equal(bytes.length, 2 * size);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  const { layout } = trial.open().engine.judge;
  const own = layout.parts.find(({ id }) => id === trial.detector.id)!;
  assert.ok(bytesOfPart(own) <= 1024, 'a detector has at most 1 KiB a subject');
}

/** Somebody who cannot prove the key uses it all the time, from elsewhere and without success. */
function ignoresClaimed(trial: Trial): void {
  const lived = (events: readonly ApiEvent[]): Bench => {
    const bench = trial.open();
    bench.feed(events);
    return bench;
  };
  const unclaimed = lived(trial.events);
  for (const status of [200, 403, 401, 500]) {
    const claim = { attested: false, auth: AUTH.failed, status, bytesOut: 1e9 };
    const among = (events: readonly ApiEvent[]): ApiEvent[] =>
      numbered(events.flatMap((event) => [event, changed(event, claim), changed(event, claim)]));
    const shown = status === 401 && trial.detector.seesFailures;
    const events = shown ? trial.calm : trial.events;
    const quiet = shown ? lived(events) : unclaimed;
    const bench = lived(among(events));
    if (shown) {
      const baseline = (of: Bench): unknown => settledRecords(of, ['rate', 'places', 'subject']);
      assert.deepEqual(baseline(bench), baseline(quiet), 'the baseline of a key that is claimed');
      for (const { trust } of bench.findings) assert.equal(trust, 'observe');
    } else {
      assert.deepEqual(told(bench), told(quiet), `findings among claims of status ${status}`);
      assert.deepEqual(settledRecords(bench), settledRecords(quiet), `claims of status ${status}`);
    }
  }
}

function knowsVersions(trial: Trial): void {
  const { detector, state } = trial;
  const saved = state.meta['layout'] as readonly { id: string; version: number }[];
  const ofVersion = (version: number) => ({
    ...state,
    meta: {
      ...state.meta,
      layout: saved.map((part) => (part.id === detector.id ? { ...part, version } : part)),
    },
  });
  const refusal = (error: unknown): boolean =>
    error instanceof KeyhoundError &&
    error.code === 'state-layout' &&
    error.message.includes(`"${detector.id}"`) &&
    error.hint !== undefined;
  assert.throws(() => trial.open(ofVersion(detector.version + 1)), refusal, 'a newer state');
  if (detector.migrate === undefined) {
    assert.throws(() => trial.open(ofVersion(detector.version - 1)), refusal, 'an older state');
  } else {
    for (let version = detector.version - 1; version >= 0; version--) {
      try {
        const bench = trial.open(ofVersion(version));
        bench.feed(trial.events);
        assertSound(bench);
      } catch (error) {
        assert.ok(refusal(error), String(error));
      }
    }
  }
  // A detector that the saved state does not know begins with its own first state.
  const without = saved.filter(({ id }) => id !== detector.id);
  const bench = trial.open({ ...state, meta: { ...state.meta, layout: without } });
  bench.feed(trial.events);
  assertSound(bench);
}
