/** An attacker who lets a key's use grow a little every day, so that it is learned. */
import { atLeast } from '../../../core/finding.ts';
import { KEY_CLASSES, type KeyClass } from '../../../traffic/contract.ts';
import { createTraffic, DEFAULT_FROM_AT } from '../../../traffic/traffic.ts';
import { Lab } from './lab.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const BEGIN_DAYS = 28;

export interface PoisoningTask {
  readonly kind: 'poisoning';
  readonly seed: number;
  /** Requests per second of each key, before it grows. */
  readonly rate: number;
  readonly keys: number;
  /** 0.05: five percent a day. */
  readonly growthPerDay: number;
  /** Not from the beginning of day 28, but each key from an hour of its own, in the week from there. */
  readonly isAnyHour: boolean;
  /** Given up at this multiple of the traffic before. */
  readonly multipleMax: number;
}

export interface Poisoning {
  readonly class: KeyClass;
  readonly growthPerDay: number;
  readonly isAnyHour: boolean;
  /** Multiple of the traffic at which an incident of medium or more was told; undefined if none was. */
  readonly caughtAt: number | undefined;
  readonly detectors: readonly string[];
}

/** Each key by itself: growth of many at the same time is the fleet's. */
export function poison(task: PoisoningTask): Poisoning[] {
  return Array.from({ length: task.keys }, (_, run) => poisonOne(task, run));
}

function poisonOne(
  { growthPerDay, isAnyHour, multipleMax, rate, seed }: PoisoningTask,
  run: number,
): Poisoning {
  const keyClass = KEY_CLASSES[run % KEY_CLASSES.length]!;
  const beginMs = BEGIN_DAYS * DAY_MS + (isAnyHour ? (run % 24) * 7 * HOUR_MS : 0);
  const fromAt = DEFAULT_FROM_AT + beginMs;
  const durationMs = (DAY_MS * Math.log(multipleMax)) / Math.log(1 + growthPerDay);
  const traffic = createTraffic({
    seed: seed + run,
    keys: 1,
    days: (beginMs + durationMs) / DAY_MS,
    novelty: false,
    overrides: { 0: { class: keyClass, rate } },
    attacks: [{ kind: 'poisoning', keyIndex: 0, fromAt, growthPerDay, durationMs }],
  });
  const lab = new Lab({ durable: false });
  lab.run(traffic.events(), Number.POSITIVE_INFINITY);
  const caught = lab.incidents.find(
    ({ at, line }) => at >= fromAt && atLeast(line.severity, 'medium'),
  );
  const during = lab.findings.filter(({ at }) => at >= fromAt);
  return {
    class: keyClass,
    growthPerDay,
    isAnyHour,
    caughtAt: caught && (1 + growthPerDay) ** ((caught.at - fromAt) / DAY_MS),
    detectors: [...new Set(during.map(({ line }) => line.detector))],
  };
}
