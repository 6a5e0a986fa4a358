/**
 * Innocent events that hit many keys at once, and attacks that no single key shows. A fleet of keys learns for
 * four weeks, and everything is tried from that history with the traffic of all of them.
 */
import { atLeast, type Incident, type SubjectKind } from '../../../core/finding.ts';
import type { LoadedState } from '../../../core/store.ts';
import {
  type AttackSpec,
  KEY_CLASSES,
  type ScenarioSpec,
  type Traffic,
  type TrafficOptions,
} from '../../../traffic/contract.ts';
import { CLOCKS_CHANGE, keysOf } from '../../../traffic/scenarios.ts';
import { createTraffic, DEFAULT_FROM_AT } from '../../../traffic/traffic.ts';
import { LATENESS_MS, Lab, type Told } from './lab.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A Wednesday of the fifth week, 10:00 UTC. */
const AT = DEFAULT_FROM_AT + 30 * DAY_MS + 10 * HOUR_MS;
/** Keys of the consumer that has most. */
const LARGE_CONSUMER = 24;
/** The last night of the month: a Sunday, 01:00 UTC. */
const MONTH_END_AT = DEFAULT_FROM_AT + 27 * DAY_MS + 25 * HOUR_MS;

export interface FleetTask {
  readonly kind: 'fleet';
  readonly seed: number;
  readonly keys: number;
  readonly rates: { readonly min: number; readonly max: number };
  /** By name; all when undefined. */
  readonly scenes?: readonly string[];
}

export interface FleetResult {
  readonly name: string;
  /** Keys that the scene hit. */
  readonly keysHit: number;
  /** Keys with an incident of at least that severity that is no part of a fleet's incident. */
  readonly keysLow: number;
  readonly keysMedium: number;
  readonly keysHigh: number;
  /** The same, whether it is part of another or not. */
  readonly keysHighAtAll: number;
  /** The most incidents of low or more that one key had. */
  readonly mostOfOneKey: number;
  /** Incidents of other subjects that are no part of another. */
  readonly others: Readonly<Partial<Record<SubjectKind, number>>>;
  /** To the first incident of another subject, ms; undefined when there was none. */
  readonly firstOtherMs: number | undefined;
  readonly detectors: Readonly<Record<string, number>>;
  readonly why: readonly string[];
}

interface Scene {
  readonly name: string;
  readonly at: number;
  readonly watchMs: number;
  readonly scenarios?: (traffic: Traffic) => readonly ScenarioSpec[];
  readonly attacks?: (traffic: Traffic) => readonly AttackSpec[];
}

const SCENES: readonly Scene[] = [
  { name: 'nothing at all', at: AT, watchMs: 6 * HOUR_MS },
  {
    name: 'month-end batch, no calendar',
    at: MONTH_END_AT,
    watchMs: 5 * HOUR_MS,
    ...only('month-end'),
  },
  {
    name: 'deploy that fails every key, 10 min',
    at: AT,
    watchMs: 3 * HOUR_MS,
    ...only('deploy-outage'),
  },
  {
    name: 'launch ×5, 20 keys of many consumers',
    at: AT,
    watchMs: 3 * HOUR_MS,
    scenarios: ({ keys }) => [
      {
        kind: 'launch',
        fromAt: AT,
        keys: keys
          .slice(0, 60)
          .filter((k) => k.index % 3 === 0)
          .map((k) => k.index),
      },
    ],
  },
  {
    name: 'launch ×5, all keys of a consumer with 20 or more',
    at: AT,
    watchMs: 3 * HOUR_MS,
    scenarios: (traffic) => [{ kind: 'launch', fromAt: AT, keys: keysOfTheLargest(traffic) }],
  },
  {
    name: 'launch ×5, every key',
    at: AT,
    watchMs: 3 * HOUR_MS,
    scenarios: ({ keys }) => [{ kind: 'launch', fromAt: AT, keys: keys.map((k) => k.index) }],
  },
  { name: 'logs of half an hour lost', at: AT, watchMs: 3 * HOUR_MS, ...only('lag') },
  { name: 'ten keys move to another place', at: AT, watchMs: DAY_MS, ...only('migration', 10) },
  { name: 'ten keys get another agent', at: AT, watchMs: DAY_MS, ...only('agent-upgrade', 10) },
  { name: 'three keys grow ×5 for good', at: AT, watchMs: 14 * DAY_MS, ...only('step-growth', 3) },
  ...([4, 6] as const).map((ipVersion) => ({
    name: `stuffing from one IPv${ipVersion} network`,
    at: AT,
    watchMs: 30 * MINUTE_MS,
    attacks: () => [{ kind: 'stuffing', keyIndex: 0, fromAt: AT, ipVersion } as const],
  })),
  {
    name: 'many networks fail on one consumer’s keys',
    at: AT,
    watchMs: HOUR_MS,
    attacks: (traffic) => [
      { kind: 'spread-stuffing', keyIndex: keysOfTheLargest(traffic)[0]!, fromAt: AT },
    ],
  },
];

function only(kind: ScenarioSpec['kind'], count?: number): Pick<Scene, 'scenarios'> {
  const fromAt = kind === 'month-end' ? MONTH_END_AT : AT;
  const keys = count === undefined ? undefined : Array.from({ length: count }, (_, i) => 2 + 5 * i);
  return { scenarios: () => [{ kind, fromAt, ...(keys === undefined ? {} : { keys }) }] };
}

function keysOfTheLargest({ keys }: Traffic): number[] {
  const groups = Map.groupBy(keys, (key) => key.consumer);
  const largest = [...groups.values()].sort((a, b) => b.length - a.length)[0]!;
  return largest.map((key) => key.index);
}

export function liveTogether(task: FleetTask): FleetResult[] {
  const scenes = SCENES.filter(({ name }) => task.scenes?.includes(name) ?? true);
  const options = optionsOf(task);
  const calm = createTraffic(options);
  const lab = new Lab({ durable: true });
  const events = calm.events();
  const results: FleetResult[] = [];
  const states = new Map<number, LoadedState>();
  for (const at of [...new Set(scenes.map((scene) => scene.at))].sort((a, b) => a - b)) {
    lab.run(events, at);
    states.set(at, lab.snapshot());
  }
  for (const scene of scenes) {
    const scenarios = scene.scenarios?.(calm) ?? [];
    const attacks = scene.attacks?.(calm) ?? [];
    const traffic = createTraffic({ ...options, scenarios, attacks });
    const fork = new Lab({ durable: false, state: states.get(scene.at)! });
    const toAt = scene.at + scene.watchMs;
    fork.run(traffic.events({ fromAt: scene.at, toAt }), toAt);
    fork.tick(toAt + LATENESS_MS);
    const hit = scenarios.flatMap((spec) => keysOf(spec, calm.keys, task.seed)).length;
    results.push(resultOf(scene.name, hit, fork, scene.at));
  }
  return results;
}

function optionsOf(task: FleetTask): TrafficOptions {
  const { keys, rates, seed } = task;
  return {
    seed,
    keys,
    days: 46,
    rates,
    // Novelty would be counted as accusations of the scene.
    novelty: false,
    firstConsumerKeys: LARGE_CONSUMER,
    overrides: Object.fromEntries(
      Array.from({ length: keys }, (_, i) => [i, { class: KEY_CLASSES[i % KEY_CLASSES.length]! }]),
    ),
  };
}

export interface ClocksTask {
  readonly kind: 'clocks';
  readonly seed: number;
  readonly keys: number;
  readonly rates: { readonly min: number; readonly max: number };
}

/** What a change of clocks could set off. The others are as loud in these weeks as in any. */
export const KNOW_HOURS = ['volume-spike', 'volume-drop', 'off-hours', 'dormant'] as const;

/** Six weeks over Europe's change of clocks: what came in the two weeks after it. */
export function changeClocks({ seed, keys, rates }: ClocksTask): FleetResult {
  const { at, days, fromAt } = CLOCKS_CHANGE;
  const options = { ...optionsOf({ kind: 'fleet', seed, keys, rates }), fromAt, days };
  const traffic = createTraffic({ ...options, overrides: {}, classMix: CLOCKS_MIX });
  const lab = new Lab({ durable: false });
  lab.run(traffic.events(), Number.POSITIVE_INFINITY);
  lab.tick(traffic.toAt + LATENESS_MS);
  return resultOf('clocks change', keys, lab, at);
}
/** Half of them keep office hours, which a change of clocks moves. */
const CLOCKS_MIX = { office: 0.5, steady: 0.2, noisy: 0.2, cron: 0.1 } as const;

function resultOf(name: string, keysHit: number, lab: Lab, at: number): FleetResult {
  const worst = worstIncidents(lab.incidents, at);
  const allOfKeys = worst.filter(({ subject }) => subject.kind === 'key');
  const ofKeys = allOfKeys.filter(({ partOf }) => partOf === undefined);
  const others = worst.filter(
    ({ partOf, subject }) => subject.kind !== 'key' && partOf === undefined,
  );
  const first = lab.incidents.find(({ line }) => line.subject.kind !== 'key');
  const keysAt = (severity: 'low' | 'medium' | 'high', of = ofKeys) =>
    new Set(of.filter((i) => atLeast(i.severity, severity)).map((i) => i.subject.id)).size;
  const perKey = Map.groupBy(
    ofKeys.filter((i) => atLeast(i.severity, 'low')),
    (i) => i.subject.id,
  );
  const detectors: Record<string, number> = {};
  for (const { line } of lab.findings) {
    if (Date.parse(line.toAt) < at || line.revision > 1) continue;
    detectors[line.detector] = (detectors[line.detector] ?? 0) + 1;
  }
  const counts: Partial<Record<SubjectKind, number>> = {};
  for (const { subject } of others) counts[subject.kind] = (counts[subject.kind] ?? 0) + 1;
  return {
    name,
    keysHit,
    keysLow: keysAt('low'),
    keysMedium: keysAt('medium'),
    keysHigh: keysAt('high'),
    keysHighAtAll: keysAt('high', allOfKeys),
    mostOfOneKey: Math.max(0, ...[...perKey.values()].map((list) => list.length)),
    others: counts,
    firstOtherMs: first === undefined ? undefined : first.at - at,
    detectors,
    why: worst
      .filter((i) => atLeast(i.severity, 'low'))
      .slice(0, 40)
      .map((i) => `${i.severity} ${i.risk} ${i.subject.kind}: ${i.why}`),
  };
}

/** The worst of each incident that opened from an instant on; the last word on what it became part of. */
function worstIncidents(told: readonly Told<Incident>[], from: number): Incident[] {
  const worst = new Map<string, Incident>();
  for (const { line } of told) {
    if (Date.parse(line.openedAt) < from) continue;
    const before = worst.get(line.id);
    const partOf = line.partOf === undefined ? {} : { partOf: line.partOf };
    worst.set(
      line.id,
      before !== undefined && before.risk > line.risk ? { ...before, ...partOf } : line,
    );
  }
  return [...worst.values()];
}
