/**
 * Calendars of the configuration → windows. Repetitions are unrolled ahead of time, without a clock: the same
 * calendar gives the same windows whenever it is read, for a replay of last year's log too.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {
  type AddressedWindow,
  type Addressee,
  type Calendar,
  type CalendarWindow,
  calendarOf,
} from '../core/calendar.ts';
import type { CalendarConfig } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import { readDates, readIcal, type Span } from './calendar-dates.ts';
import { isTimeZone } from './zones.ts';

/** Detectors that a calendar concerns unless it names others. */
const CONCERNED: Readonly<Record<CalendarConfig['kind'], readonly string[]>> = {
  planned: ['volume-spike', 'off-hours', 'dormant'],
  maintenance: ['volume-drop', 'error-rate', 'latency'],
};
const FILE_BYTES_MAX = 16 << 20;
const HOUR_MS = 3_600_000;

export interface CalendarFault {
  /** Index of the calendar, and where in it. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** `baseDir`: folder that relative paths start from. Throws `usage` with all faults. */
export function loadCalendars(calendars: readonly CalendarConfig[], baseDir: string): Calendar {
  const { windows, faults } = readCalendars(calendars, baseDir);
  if (faults.length > 0) {
    const told = faults.map((fault) => `calendars.${fault.path.join('.')}: ${fault.message}`);
    throw new KeyhoundError('usage', told.join('; '), { code: 'calendars-invalid' });
  }
  return calendarOf(windows, versionOf(calendars, windows));
}

export function readCalendars(
  calendars: readonly CalendarConfig[],
  baseDir: string,
): { readonly windows: readonly AddressedWindow[]; readonly faults: readonly CalendarFault[] } {
  const windows: AddressedWindow[] = [];
  const faults: CalendarFault[] = [];
  calendars.forEach((calendar, i) => {
    const fault = (at: readonly (string | number)[], message: string): void => {
      faults.push({ path: [i, ...at], message });
    };
    if (!isTimeZone(calendar.timeZone)) {
      fault(['timeZone'], 'must be an IANA zone, e.g. Europe/Berlin');
      return;
    }
    const concerns = addressed(calendar);
    for (const span of spansOf(calendar, baseDir, fault)) {
      for (const window of windowsOf(calendar, span)) windows.push({ ...window, concerns });
    }
  });
  return { windows, faults };
}

type Fault = (at: readonly (string | number)[], message: string) => void;

function spansOf(calendar: CalendarConfig, baseDir: string, fault: Fault): readonly Span[] {
  const { path: file, events, timeZone } = calendar;
  if ((file === undefined) === (events === undefined)) {
    fault(['name'], 'needs either path or events');
    return [];
  }
  if (events !== undefined) {
    return events.flatMap((event, i) =>
      readDates(event, timeZone, (name, message) => fault(['events', i, name], message)),
    );
  }
  const text = textOf(path.resolve(baseDir, file!));
  if (text === undefined) {
    fault(['path'], 'cannot be read, or is larger than 16 MiB');
    return [];
  }
  return readIcal(text, timeZone, (message) => fault(['path'], message));
}

function textOf(file: string): string | undefined {
  try {
    return fs.statSync(file).size > FILE_BYTES_MAX ? undefined : fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function windowsOf(calendar: CalendarConfig, span: Span): CalendarWindow[] {
  const { name, kind, factor } = calendar;
  const detectors = calendar.for.detectors ?? CONCERNED[kind];
  const { why, fromAt, toAt } = span;
  const window = { name, kind, why, detectors, fromAt, toAt, factor };
  if (kind === 'maintenance') return [window];
  // What judges whole hours still sees the planned requests until the hour is over.
  const hourEndsAt = Math.ceil(toAt / HOUR_MS) * HOUR_MS;
  const others = detectors.filter((id) => id !== 'volume-spike' && id !== 'volume-drop');
  const rest = { ...window, detectors: others, fromAt: toAt, toAt: hourEndsAt, factor: 1 };
  const isWhole = hourEndsAt === toAt || others.length === 0;
  return isWhole ? [window] : [window, rest];
}

function addressed({ for: named }: CalendarConfig): (key: Addressee) => boolean {
  const { consumers, labels, keys } = named;
  if (consumers === undefined && labels === undefined && keys === undefined) return () => true;
  const [byConsumer, byLabel, byId] = [new Set(consumers), new Set(labels), new Set(keys)];
  return ({ id, label, consumer }) =>
    byId.has(id) || (label !== '' && byLabel.has(label)) || byConsumer.has(consumer);
}

/** Of what the files say, too. */
function versionOf(
  calendars: readonly CalendarConfig[],
  windows: readonly CalendarWindow[],
): string {
  const text = JSON.stringify([calendars, windows]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
