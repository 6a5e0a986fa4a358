/**
 * Tries of the traffic model: a key learns for four weeks, and from many instants of the fifth the engine is
 * forked by its own snapshot, so that every try starts from the same honest history.
 */
import type { TestContext } from 'node:test';
import { LATENESS_MS, Lab } from '../../bench/eval/traffic/lab.ts';
import { atLeast, type Finding, type Incident } from '../../core/finding.ts';
import type { LoadedState } from '../../core/store.ts';
import type { AttackSpec, KeyClass } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';

const DAY_MS = 86_400_000;

export interface TryOptions {
  readonly seed: number;
  readonly classes: readonly KeyClass[];
  /** Requests per second. */
  readonly rate: number;
  readonly keys: number;
  readonly triesPerKey: number;
  /** How long a try is watched, ms. */
  readonly watchMs: number;
  attack(keyIndex: number, at: number): AttackSpec;
}

export interface Try {
  readonly class: KeyClass;
  readonly at: number;
  readonly findings: readonly Finding[];
  /** Every revision told during the try. */
  readonly incidents: readonly Incident[];
}

export function* tries(options: TryOptions): Generator<Try> {
  for (let k = 0; k < options.keys; k++) {
    const keyClass = options.classes[k % options.classes.length]!;
    const seed = options.seed + k;
    const base = createTraffic({
      seed,
      keys: 1,
      days: 36,
      novelty: false,
      overrides: { 0: { class: keyClass, rate: options.rate } },
    });
    const learner = new Lab({ durable: true });
    const from = base.fromAt + 28 * DAY_MS;
    const events = base.eventsOfKey(0);
    for (let i = 0; i < options.triesPerKey; i++) {
      // A step coprime with hours and days, so that tries fall on every hour of the week.
      const at = from + Math.round(((i + 0.5) * 7 * DAY_MS) / options.triesPerKey + i * 137_000);
      learner.run(events, at);
      yield attackFrom(learner.snapshot(), seed, keyClass, at, options);
    }
  }
}

function attackFrom(
  state: LoadedState,
  seed: number,
  keyClass: KeyClass,
  at: number,
  options: TryOptions,
): Try {
  const fork = new Lab({ durable: true, state });
  const attacked = createTraffic({
    seed,
    keys: 1,
    days: 36,
    novelty: false,
    overrides: { 0: { class: keyClass, rate: options.rate } },
    attacks: [options.attack(0, at)],
  });
  const toAt = at + options.watchMs;
  fork.run(attacked.eventsOfKey(0, { fromAt: at, toAt }), toAt);
  // The watermark follows the other keys' traffic; nothing is judged at the end of a stream.
  fork.tick(toAt + LATENESS_MS);
  const { findings, incidents } = fork;
  return {
    class: keyClass,
    at,
    findings: findings.map(({ line }) => line),
    incidents: incidents.map(({ line }) => line),
  };
}

/** Share of tries for which `reached` answers a delay at or under `ms`. */
export function shareWithin(delays: readonly number[], ms: number): number {
  return delays.filter((delay) => delay <= ms).length / delays.length;
}

/** Delay from the start of the attack to the first incident line that `matches`, ms; Infinity when none. */
export function delayOf(attempt: Try, matches: (incident: Incident) => boolean): number {
  const first = attempt.incidents.find(
    (incident) => Date.parse(incident.updatedAt) >= attempt.at && matches(incident),
  );
  return first === undefined ? Number.POSITIVE_INFINITY : Date.parse(first.updatedAt) - attempt.at;
}

/** Prints the distribution beside the test. */
export function tell(t: TestContext, name: string, delays: readonly number[]): void {
  const sorted = [...delays].sort((a, b) => a - b);
  const at = (q: number): string =>
    `${(sorted[Math.floor(q * (sorted.length - 1))]! / 1000).toFixed(1)} s`;
  t.diagnostic(
    `${name}: ${delays.length} tries, median ${at(0.5)}, p85 ${at(0.85)}, p90 ${at(0.9)}, max ${at(1)}`,
  );
}

/** Delays to the first incident of at least a severity, ms; Infinity when there was none. */
export function delays(all: readonly Try[], severity: 'info' | 'medium'): number[] {
  return all.map((attempt) => delayOf(attempt, (incident) => atLeast(incident.severity, severity)));
}
