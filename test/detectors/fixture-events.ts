/**
 * Events as a fixture spells them: Keyhound's own format (one JSON object a line), and how often each comes.
 *
 *   every         "200ms" "20s" "5m" "1h" "1d": again and again at this distance, the first time at `at` …
 *   until         … and always before this instant
 *   jitter        a length of time: each is moved later by a part of it, drawn from line and number
 *   minutes       [0, 2]: only in the first two minutes of an hour
 *   hours         [8, 18]: only from 08:00 until before 18:00 UTC
 *   weekdays      [1, 5]: only from Monday (1) to Friday (5); Sunday is 7
 *   arrivesAfter  a length of time: read that much later than it happened
 *   environment   what the source that the record came from says that it serves
 *   note          for people
 *
 * The other names are the record's own. Lines go on side by side; records are read in order of arrival.
 */
import { readFileSync } from 'node:fs';
import type { KeyDirectory } from '../../core/directory.ts';
import { type ApiEvent, copyEvent, createEvent } from '../../core/event.ts';
import { REJECTION, REJECTIONS } from '../../core/format.ts';
import { finish, mix32 } from '../../core/hash.ts';
import { createDraft } from '../../core/record.ts';
import type { SourceTraits } from '../../enrich/contract.ts';
import { keyhound } from '../../ingest/formats/keyhound.ts';
import { enricher, traits } from '../enrich/fakes.ts';

interface Line {
  readonly at: string;
  readonly every?: string;
  readonly until?: string;
  readonly jitter?: string;
  readonly minutes?: readonly [number, number];
  readonly hours?: readonly [number, number];
  readonly weekdays?: readonly [number, number];
  readonly arrivesAfter?: string;
  readonly environment?: string;
  readonly note?: string;
}

interface Arrival {
  readonly arrivesAt: number;
  readonly at: number;
  readonly line: number;
  readonly environment: string | undefined;
  /** The record without its time. */
  readonly rest: string;
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const EVENTS_MAX = 200_000;
const RECORD_BYTES_MAX = 4096;

/**
 * All events of a file in order of arrival, through the real decoder and enrichment; each is an object of its own.
 * `directory`: what the keys are declared for.
 */
export function readEvents(path: string, directory?: KeyDirectory): ApiEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const arrivals = lines.flatMap((text, line) => [...arrivalsOf(text, line)]);
  if (arrivals.length > EVENTS_MAX) throw new RangeError(`${path}: ${arrivals.length} events`);
  arrivals.sort((a, b) => a.arrivesAt - b.arrivesAt || a.line - b.line);
  const decoder = keyhound.createDecoder({});
  const by = enricher(directory === undefined ? {} : { directory });
  const sources = new Map<string | undefined, SourceTraits>();
  const draft = createDraft();
  const bytes = new Uint8Array(RECORD_BYTES_MAX);
  return arrivals.map(({ at, line, environment, rest }, position) => {
    const source = sources.get(environment) ?? traits({ format: keyhound, environment });
    sources.set(environment, source);
    const { written } = ENCODER.encodeInto(`{"at":${at},${rest}`, bytes);
    const event = createEvent();
    let outcome = decoder.decode(bytes, 0, written, draft);
    if (outcome === REJECTION.ok) outcome = by.resolve(draft, source, event);
    if (outcome !== REJECTION.ok) {
      throw new RangeError(`${path}:${line + 1}: rejected, ${REJECTIONS[outcome]}`);
    }
    event.position = position;
    return event;
  });
}

/** A copy that nobody else holds. */
export function cloneEvent(event: ApiEvent): ApiEvent {
  const copy = createEvent();
  copyEvent(event, copy);
  return copy;
}

function* arrivalsOf(text: string, line: number): Generator<Arrival> {
  const spelled = JSON.parse(text) as Line;
  const {
    at,
    every,
    until,
    jitter,
    minutes,
    hours,
    weekdays,
    arrivesAfter,
    environment,
    note,
    ...record
  } = spelled;
  const rest = JSON.stringify(record).slice(1);
  const begin = Date.parse(at);
  const end = until === undefined ? begin + 1 : Date.parse(until);
  const step = every === undefined ? end - begin : lengthOf(every);
  const delay = arrivesAfter === undefined ? 0 : lengthOf(arrivesAfter);
  const room = jitter === undefined ? 0 : lengthOf(jitter);
  for (let i = 0, time = begin; time < end; i++, time += step) {
    if (!isWithin(time, spelled)) continue;
    const moved = time + Math.floor((room * finish(mix32(line, i))) / 2 ** 32);
    yield { at: moved, arrivesAt: moved + delay, line, environment, rest };
  }
}

function isWithin(at: number, { minutes, hours, weekdays }: Line): boolean {
  const hour = Math.floor(at / UNITS['h']!);
  const minuteOfHour = (at % UNITS['h']!) / UNITS['m']!;
  // The epoch began on a Thursday.
  const weekday = ((Math.floor(hour / 24) + 3) % 7) + 1;
  return (
    isIn(minuteOfHour, minutes) &&
    isIn(hour % 24, hours) &&
    isIn(weekday - 0.5, weekdays && [weekdays[0] - 1, weekdays[1]])
  );
}

function isIn(value: number, range: readonly [number, number] | undefined): boolean {
  return range === undefined || (value >= range[0] && value < range[1]);
}

function lengthOf(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  const length = match === null ? 0 : Number(match[1]) * UNITS[match[2]!]!;
  if (length <= 0) throw new RangeError(`"${text}" is no length of time, e.g. 20s, 5m, 1h`);
  return length;
}

const ENCODER = new TextEncoder();
