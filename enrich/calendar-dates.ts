/** Dates of the configuration and iCalendar files (RFC 5545) → spans, repetitions unrolled. Messages quote nothing. */
import ICAL from 'ical.js';
import type { CalendarConfig } from '../core/config.ts';
import { instantIn, isTimeZone } from './zones.ts';

/** Epoch ms, whole seconds; the end is not in it. */
export interface Span {
  readonly fromAt: number;
  readonly toAt: number;
  readonly why: string;
}

/** Occurrences of one event: 27 years of days. What never ends is unrolled so far. */
const OCCURRENCES_MAX = 10_000;
/** An event that reaches the bound must have got so far: else it repeats too often to be unrolled. */
const UNROLLED_YEARS = 10;
const YEAR_MS = 365 * 86_400_000;
const WHY_MAX = 200;

type DateEvent = NonNullable<CalendarConfig['events']>[number];

const RULES: Readonly<Record<string, string>> = {
  daily: 'FREQ=DAILY',
  weekly: 'FREQ=WEEKLY',
  monthly: 'FREQ=MONTHLY',
  yearly: 'FREQ=YEARLY',
};
const LOCAL = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** An event of the configuration. */
export function readDates(
  event: DateEvent,
  timeZone: string,
  fault: (name: 'from' | 'to' | 'repeat', message: string) => void,
): Span[] {
  const fromAt = instantOf(event.from, timeZone);
  const toAt = instantOf(event.to, timeZone);
  if (fromAt === undefined) fault('from', 'must be a time, e.g. 2026-03-31T22:00');
  if (toAt === undefined) fault('to', 'must be a time, e.g. 2026-04-01T02:00');
  if (fromAt === undefined || toAt === undefined) return [];
  if (toAt <= fromAt) {
    fault('to', 'must be after from');
    return [];
  }
  const why = event.why ?? '';
  if (event.repeat === undefined) return [{ fromAt, toAt, why }];
  const rule = ruleOf(event.repeat);
  if (rule === undefined) {
    fault(
      'repeat',
      'must be daily, weekly, monthly, yearly or a rule, e.g. FREQ=MONTHLY;BYMONTHDAY=-1',
    );
    return [];
  }
  const occurrences = rule.iterator(localTime(fromAt, timeZone));
  const spans = unrolled(() => {
    const begin = occurrences.next();
    if (!begin) return undefined;
    const at = instantIn(timeZone, localMs(begin));
    return { fromAt: at, toAt: at + toAt - fromAt, why };
  });
  if (spans === undefined) fault('repeat', TOO_OFTEN);
  return spans ?? [];
}

const TOO_OFTEN = `repeats more than ${OCCURRENCES_MAX.toLocaleString('en-US')} times within ten years`;

/** All events of a file. Times without a zone are in `timeZone`. */
export function readIcal(text: string, timeZone: string, fault: (message: string) => void): Span[] {
  let calendar: ICAL.Component;
  let events: ICAL.Component[];
  try {
    calendar = new ICAL.Component(ICAL.parse(text));
    events = calendar.getAllSubcomponents('vevent');
  } catch {
    fault('is no iCalendar file');
    return [];
  }
  if (events.length === 0) fault('holds no events');
  const spans: Span[] = [];
  events.forEach((component, i) => {
    try {
      // Changed occurrences are told by the event that they belong to.
      const event = new ICAL.Event(component);
      if (event.isRecurrenceException() || isCancelled(component)) return;
      const own = spansOf(event, timeZone);
      if (own === undefined) fault(`event ${i + 1} ${TOO_OFTEN}`);
      else spans.push(...own.filter((span) => span.toAt > span.fromAt));
    } catch {
      fault(`event ${i + 1} has times that cannot be read, or of an unknown zone`);
    }
  });
  return spans;
}

function isCancelled(component: ICAL.Component): boolean {
  return component.getFirstPropertyValue('status') === 'CANCELLED';
}

/** Undefined when it repeats too often. Throws on unusable times. */
function spansOf(event: ICAL.Event, timeZone: string): Span[] | undefined {
  const span = (begin: ICAL.Time, end: ICAL.Time, item: ICAL.Event): Span => ({
    fromAt: instantOfTime(begin, item.component, 'dtstart', timeZone),
    toAt: instantOfTime(end, item.component, 'dtend', timeZone),
    why: (item.summary ?? '').slice(0, WHY_MAX),
  });
  if (!event.isRecurring()) return [span(event.startDate, event.endDate, event)];
  const occurrences = event.iterator();
  return unrolled(() => {
    const begin = occurrences.next();
    if (!begin) return undefined;
    const { startDate, endDate, item } = event.getOccurrenceDetails(begin);
    if (isCancelled(item.component)) return { fromAt: 0, toAt: 0, why: '' };
    return span(startDate, endDate, item);
  });
}

function unrolled(next: () => Span | undefined): Span[] | undefined {
  const spans: Span[] = [];
  while (spans.length < OCCURRENCES_MAX) {
    const span = next();
    if (span === undefined) return spans;
    spans.push(span);
  }
  const years = (spans.at(-1)!.fromAt - spans[0]!.fromAt) / YEAR_MS;
  return years >= UNROLLED_YEARS ? spans : undefined;
}

/** By the zone's own rules where Node knows it, else by those in the file. Throws where neither does. */
function instantOfTime(
  time: ICAL.Time,
  component: ICAL.Component,
  property: 'dtstart' | 'dtend',
  timeZone: string,
): number {
  const local = localMs(time);
  if (!Number.isFinite(local)) throw new RangeError('no time');
  if (time.zone === ICAL.Timezone.utcTimezone) return local;
  const named =
    component.getFirstProperty(property)?.getFirstParameter('tzid') ??
    component.getFirstProperty('dtstart')?.getFirstParameter('tzid');
  if (named === undefined || named === '' || time.isDate) return instantIn(timeZone, local);
  if (isTimeZone(named)) return instantIn(named, local);
  const zone = component.parent?.getTimeZoneByID(named);
  if (zone == null) throw new RangeError('unknown zone');
  return local - zone.utcOffset(time) * 1000;
}

function ruleOf(text: string): ICAL.Recur | undefined {
  try {
    const rule = ICAL.Recur.fromString(RULES[text] ?? text);
    return typeof rule.freq === 'string' && rule.freq !== '' ? rule : undefined;
  } catch {
    return undefined;
  }
}

/** A time with an offset, or a local one of the zone; undefined when it is neither. */
function instantOf(text: string, timeZone: string): number | undefined {
  const match = LOCAL.exec(text);
  if (match === null) {
    const at = /T.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(at) ? undefined : Math.floor(at / 1000) * 1000;
  }
  const local = Date.parse(`${text.length > 10 ? text : `${text}T00:00`}Z`);
  return Number.isNaN(local) ? undefined : instantIn(timeZone, local);
}

/** As if it were UTC. */
function localMs(time: ICAL.Time): number {
  const { year, month, day, hour, minute, second } = time;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function localTime(at: number, timeZone: string): ICAL.Time {
  // The local time whose instant this is.
  const local = 2 * at - instantIn(timeZone, at);
  const date = new Date(local);
  return ICAL.Time.fromData({
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  });
}
