/** An attacker who lets a key's use grow a little every day, so that it is learned. */
import { atLeast } from '../../../core/finding.ts';
import { KEY_CLASSES, type KeyClass } from '../../../traffic/contract.ts';
import { createTraffic } from '../../../traffic/traffic.ts';
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
  /** Given up at this multiple of the traffic before. */
  readonly multipleMax: number;
}

export interface Poisoning {
  readonly class: KeyClass;
  readonly growthPerDay: number;
  /** Multiple of the traffic at which an incident of medium or more was told; undefined if none was. */
  readonly caughtAt: number | undefined;
  readonly detectors: readonly string[];
}

export function poison(task: PoisoningTask): Poisoning[] {
  const { growthPerDay, keys, multipleMax, rate, seed } = task;
  const growingDays = Math.log(multipleMax) / Math.log(1 + growthPerDay);
  const bare = {
    seed,
    keys,
    days: BEGIN_DAYS + growingDays,
    novelty: false,
    overrides: Object.fromEntries(
      Array.from({ length: keys }, (_, i) => [
        i,
        { class: KEY_CLASSES[i % KEY_CLASSES.length]!, rate },
      ]),
    ),
  };
  const from = createTraffic(bare).fromAt + BEGIN_DAYS * DAY_MS;
  const attacks = Array.from({ length: keys }, (_, keyIndex) => ({
    kind: 'poisoning' as const,
    keyIndex,
    // Not all at the same hour, and not all on the same day of the week.
    fromAt: from + keyIndex * 7 * HOUR_MS,
    growthPerDay,
    durationMs: growingDays * DAY_MS,
  }));
  const traffic = createTraffic({ ...bare, days: bare.days + (keys * 7) / 24, attacks });
  const lab = new Lab({ durable: false });
  lab.run(traffic.events(), Number.POSITIVE_INFINITY);
  return traffic.keys.map((key) => {
    const { fromAt } = attacks[key.index]!;
    const id = `kong:${key.credentialId}`;
    const caught = lab.incidents.find(
      ({ at, line }) => line.subject.id === id && at >= fromAt && atLeast(line.severity, 'medium'),
    );
    // When it ends, the traffic falls: what is said then is not about the growth.
    const toAt = fromAt + growingDays * DAY_MS;
    const detectors = lab.findings.filter(
      ({ at, line }) => line.subject.id === id && at >= fromAt && at < toAt,
    );
    const multiple = caught && (1 + growthPerDay) ** ((caught.at - fromAt) / DAY_MS);
    return {
      class: key.class,
      growthPerDay,
      caughtAt: multiple !== undefined && multiple <= multipleMax ? multiple : undefined,
      detectors: [...new Set(detectors.map(({ line }) => line.detector))],
    };
  });
}
