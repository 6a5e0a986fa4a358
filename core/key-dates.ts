/** The life of a key, as the registry tells it. */
import type { KeyEntry } from './config.ts';

/** Epoch ms; Infinity where nobody said. */
export interface KeyDates {
  readonly createdAt: number;
  /** Made, or rotated since. */
  readonly renewedAt: number;
  readonly expiresAt: number;
}

export function datesOf(entry: KeyEntry): KeyDates {
  const known = DATES.get(entry);
  if (known !== undefined) return known;
  const { createdAt, rotatedAt, scope } = entry;
  const dates = {
    createdAt: instant(createdAt),
    renewedAt: instant(rotatedAt ?? createdAt),
    expiresAt: instant(scope?.expiresAt),
  };
  DATES.set(entry, dates);
  return dates;
}
/** Entries never change; parsing their dates at every event would cost more than all the rest. */
const DATES = new WeakMap<KeyEntry, KeyDates>();

function instant(text: string | undefined): number {
  return text === undefined ? Number.POSITIVE_INFINITY : Date.parse(text);
}

/** Another took its place, or its life ended: epoch ms; Infinity for neither. */
export function retiredAt(entry: KeyEntry | undefined, successor: KeyEntry | undefined): number {
  const replaced =
    successor === undefined ? Number.POSITIVE_INFINITY : datesOf(successor).createdAt;
  const ended = entry === undefined ? Number.POSITIVE_INFINITY : datesOf(entry).expiresAt;
  return Math.min(replaced, ended);
}
