/**
 * Attacks on keys that have learned for four weeks. From several instants of the fifth week on, every attack is
 * tried on every key it suits, each from the same honest history.
 */
import { atLeast } from '../../../core/finding.ts';
import type { LoadedState } from '../../../core/store.ts';
import {
  KEY_CLASSES,
  type KeyClass,
  type KeyProfile,
  type Traffic,
} from '../../../traffic/contract.ts';
import { createTraffic } from '../../../traffic/traffic.ts';
import { zoneOffsetMs } from '../../../traffic/zones.ts';
import { ATTACKS, type Attack, suits } from './attack-list.ts';
import { LATENESS_MS, Lab, onlyKey, type Told } from './lab.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const LEARNING_DAYS = 28;
const DAYS = 36;
/** Shares of failed requests in normal life, in turns. */
export const BASES = [0.005, 0.02, 0.1] as const;

export interface TriesTask {
  readonly kind: 'tries';
  readonly seed: number;
  /** Requests per second of each key. */
  readonly rate: number;
  readonly classes: readonly KeyClass[];
  readonly keysPerClass: number;
  /** Instants of the fifth week at which attacks begin. */
  readonly instants: number;
  /** By name; all when undefined. */
  readonly attacks?: readonly string[];
}

/** How long something took, in ms and in requests of the key; undefined when it did not come. */
export interface Delay {
  readonly ms: number;
  readonly requests: number;
}

export interface Try {
  readonly attack: string;
  readonly class: KeyClass;
  readonly rate: number;
  readonly base: number;
  /** To the first finding that reached 6, by whatever detector. */
  readonly six: Delay | undefined;
  readonly low: Delay | undefined;
  readonly medium: Delay | undefined;
  readonly high: Delay | undefined;
  /** Detectors with a finding, and its highest score. */
  readonly detectors: Readonly<Record<string, number>>;
}

export function tryAttacks(task: TriesTask): Try[] {
  const attacks = ATTACKS.filter(({ name }) => task.attacks?.includes(name) ?? true);
  const base = traffic(task);
  const histories = learn(task, base);
  const tries: Try[] = [];
  for (const { at, state } of histories) {
    for (const key of base.keys) {
      const own = onlyKey(state, `kong:${key.credentialId}`);
      // What goes on already would be counted as seen at once.
      if (own.open.length > 0) continue;
      for (const attack of attacks) {
        if (suits(attack, key)) tries.push(attempt(task, attack, key, at, own));
      }
    }
  }
  return tries;
}

function traffic(
  task: TriesTask,
  attack?: { spec: Attack['spec']; key: KeyProfile; at: number },
): Traffic {
  const keys = task.keysPerClass * task.classes.length;
  return createTraffic({
    seed: task.seed,
    keys,
    days: DAYS,
    novelty: false,
    overrides: Object.fromEntries(
      Array.from({ length: keys }, (_, i) => [
        i,
        {
          class: task.classes[i % task.classes.length]!,
          rate: task.rate,
          errorShare: BASES[Math.floor(i / task.classes.length) % BASES.length]!,
        },
      ]),
    ),
    attacks:
      attack?.spec === undefined
        ? []
        : [{ ...attack.spec, keyIndex: attack.key.index, fromAt: attack.at }],
  });
}

function learn(task: TriesTask, base: Traffic): { at: number; state: LoadedState }[] {
  const lab = new Lab({ durable: true });
  const events = base.events();
  const from = base.fromAt + LEARNING_DAYS * DAY_MS;
  return Array.from({ length: task.instants }, (_, i) => {
    // A step coprime with hours and days, so that tries fall on every hour of the week.
    const at = from + Math.round(((i + 0.5) * 7 * DAY_MS) / task.instants + i * 137_000);
    lab.run(events, at);
    return { at, state: lab.snapshot() };
  });
}

function attempt(
  task: TriesTask,
  attack: Attack,
  key: KeyProfile,
  snapshotAt: number,
  state: LoadedState,
): Try {
  const at = beginOf(attack, key, snapshotAt);
  const attacked = traffic(task, { spec: attack.spec, key, at });
  const fork = new Lab({ durable: false, state });
  fork.run(attacked.eventsOfKey(key.index, { fromAt: snapshotAt, toAt: at }), at);
  const before = {
    findings: fork.findings.length,
    incidents: fork.incidents.length,
    events: fork.events,
  };
  const toAt = at + watchOf(attack, attacked, key, at);
  const events = attacked.eventsOfKey(key.index, { fromAt: at, toAt });
  fork.run(events, toAt);
  // The watermark follows the other keys' traffic; nothing is judged at the end of a stream.
  fork.tick(toAt + LATENESS_MS);
  const findings = fork.findings.slice(before.findings);
  const incidents = fork.incidents.slice(before.incidents);
  const delay = (
    told: Told<{ readonly toAt?: string; readonly updatedAt?: string }> | undefined,
  ) =>
    told === undefined
      ? undefined
      : {
          ms: Math.max(0, Date.parse(told.line.updatedAt ?? told.line.toAt ?? '') - at),
          requests: told.events - before.events,
        };
  const reached = (severity: 'low' | 'medium' | 'high') =>
    delay(incidents.find(({ line }) => atLeast(line.severity, severity)));
  const detectors: Record<string, number> = {};
  for (const { line } of findings) {
    detectors[line.detector] = Math.max(detectors[line.detector] ?? 0, line.score);
  }
  return {
    attack: attack.name,
    class: key.class,
    rate: task.rate,
    base: key.errorShare,
    six: delay(findings.find(({ line }) => line.score >= 6)),
    low: reached('low'),
    medium: reached('medium'),
    high: reached('high'),
    detectors,
  };
}

/** The instant of the snapshot, or the next one at the local hour that was asked for. */
function beginOf({ localHour }: Attack, key: KeyProfile, at: number): number {
  if (localHour === undefined) return at;
  const offset = zoneOffsetMs(key.home.zone, at);
  const midnight = Math.floor((at + offset) / DAY_MS) * DAY_MS - offset;
  const today = midnight + localHour * HOUR_MS;
  return today >= at ? today : today + DAY_MS;
}

function watchOf(attack: Attack, attacked: Traffic, key: KeyProfile, at: number): number {
  const { requestsMax, spec, watchMs } = attack;
  if (requestsMax === undefined) return watchMs;
  const perSecond = (spec?.factor ?? 1) * attacked.normalRateAt(key.index, at);
  return Math.min(watchMs, Math.max(10_000, (requestsMax / perSecond) * 1000));
}

export const ALL_CLASSES = KEY_CLASSES;
