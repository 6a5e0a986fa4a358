/**
 * HAProxy: `option httplog`, or the JSON log-format of docs/formats.md; as files of a syslog daemon hold them, too.
 *
 * HAProxy says that it checked a key only by an id that its configuration looked up (`key_id`). What it captured of
 * a header is the client's word.
 */
import { KeyhoundError } from '../../core/errors.ts';
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import {
  AUTH,
  createDraft,
  FIELD,
  LIMITED_BY,
  type LimitedBy,
  type RecordDraft,
  resetDraft,
} from '../../core/record.ts';
import { instantIn, isTimeZone } from '../../enrich/zones.ts';
import { splitRequest } from '../clf-scan.ts';
import { HaproxyLine, LINE } from '../haproxy-line.ts';
import type { WantedPath } from '../json-paths.ts';
import { ascii, authOf, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import { readNumber } from '../numbers.ts';
import { dottedPath, takeRawKey } from '../raw-key.ts';
import { byShare, sampleLines } from '../sample.ts';
import { Scratch } from '../scratch.ts';
import { TimeReader, usable } from '../time.ts';
import { unescapeHaproxy } from '../unescape.ts';

const LATENESS_MS = 60_000;
/** A syslog header, which the server wrote, may stand before the object. */
const HEADER_MAX = 512;
const DATE_LENGTH = 24;

const SPACE = 0x20;
const HASH = 0x23;
const AMPERSAND = 0x26;
const DASH = 0x2d;
const SLASH = 0x2f;
const QUESTION = 0x3f;
const OPEN_BRACKET = 0x5b;
const OPEN = 0x7b;
const BAR = 0x7c;
const LETTER_L = 0x4c;
const LETTER_P = 0x50;
const LETTER_R = 0x52;

const NAMES = ['ts', 'th', 'ti', 'status', 'tt', 'in', 'out', 'term', 'decision'] as const;
type Name = (typeof NAMES)[number];
const TEXTS: readonly (readonly [name: string, field: number])[] = [
  ['key_id', FIELD.credentialId],
  ['consumer', FIELD.consumer],
  ['ip', FIELD.clientAddress],
  ['xff', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['path', FIELD.target],
  ['ua', FIELD.userAgent],
  ['origin', FIELD.origin],
  ['rid', FIELD.requestId],
];

class HaproxyDecoder implements Decoder {
  private readonly reader: JsonReader;
  private readonly slots: Readonly<Record<Name, number>>;
  private readonly texts: TextPlan;
  private readonly keySlots: readonly number[];
  private readonly line = new HaproxyLine();
  private readonly time = new TimeReader();
  private readonly scratch = new Scratch();
  /** Which captured request header is the key, from 0; -1: none is known to be. */
  private readonly captured: number;
  private readonly zone: ZoneOfDates;

  constructor(options: FormatOptions) {
    this.zone = new ZoneOfDates(options.timeZone ?? 'UTC');
    this.captured = capturedOf(options);
    const keyPath = keyPathOf(options);
    const keys: WantedPath[] = keyPath === undefined ? [] : [{ path: keyPath }];
    const names = [...NAMES, ...TEXTS.map(([name]) => name)];
    this.reader = new JsonReader([...names.map((name) => ({ path: [name] })), ...keys], true);
    const { scanner } = this.reader;
    this.slots = Object.fromEntries(NAMES.map((name) => [name, scanner.slot(name)])) as Record<
      Name,
      number
    >;
    this.texts = textPlan(TEXTS.map(([name, field]) => [scanner.slot(name), field]));
    this.keySlots = keys.map(({ path }) => scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const object = objectAt(bytes, start, end);
    if (object >= 0) return this.object(bytes, object, end, draft);
    resetDraft(draft, bytes);
    this.scratch.reset();
    draft.scratch = this.scratch.bytes;
    const { line } = this;
    const result = line.scan(bytes, start, end);
    if (result !== LINE.ok) {
      return result === LINE.ignored || isBlank(bytes, start, end)
        ? REJECTION.ignored
        : REJECTION.malformed;
    }
    const local = this.time.clfMillis(bytes, line.dateFrom, line.dateFrom + DATE_LENGTH);
    draft.at = usable(this.zone.instantOf(local));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    const status = readNumber(bytes, line.statusFrom, line.statusTo);
    draft.status = status >= 100 && status <= 599 ? status : 0;
    draft.durationMs = amount(bytes, line.durationFrom, line.durationTo);
    draft.bytesOut = amount(bytes, line.bytesFrom, line.bytesTo);
    this.put(bytes, line.addressFrom, line.addressTo, draft, FIELD.clientAddress);
    this.request(bytes, draft);
    if (this.captured >= 0) this.capture(bytes, draft);
    if (draft.status === 401) draft.auth = AUTH.failed;
    draft.limitedBy = limitedBy(bytes, line.state, draft.status);
    return REJECTION.ok;
  }

  /** Of a request that was cut, whole segments and whole parameters: half a key would be another key. */
  private request(bytes: Uint8Array, draft: RecordDraft): void {
    const { line, scratch } = this;
    const { requestFrom: from } = line;
    let to = line.requestTo;
    if (line.cut) {
      do to--;
      while (to > from && !endsWhole(bytes[to]!));
      // The root is a path, too.
      if (bytes[to] === SLASH && bytes[to - 1] === SPACE) to++;
    }
    if (!bytes.subarray(from, to).includes(HASH)) {
      splitRequest(bytes, from, to, 0, draft);
      return;
    }
    const begin = scratch.length;
    this.unescape(bytes, from, to, draft);
    splitRequest(scratch.bytes, begin, scratch.length, 1, draft);
  }

  private capture(bytes: Uint8Array, draft: RecordDraft): void {
    const { capturedFrom, capturedTo } = this.line;
    if (capturedFrom < 0) return;
    let from = capturedFrom;
    for (let k = 0; k < this.captured; k++) {
      while (from < capturedTo && bytes[from] !== BAR) from++;
      if (from === capturedTo) return;
      from++;
    }
    let to = from;
    while (to < capturedTo && bytes[to] !== BAR) to++;
    this.put(bytes, from, to, draft, FIELD.rawKey);
  }

  private put(bytes: Uint8Array, from: number, to: number, draft: RecordDraft, field: number) {
    if (to === from || (to - from === 1 && bytes[from] === DASH)) return;
    if (bytes.subarray(from, to).includes(HASH)) {
      const begin = this.scratch.length;
      this.unescape(bytes, from, to, draft);
      this.scratch.give(draft, field, begin);
      return;
    }
    draft.start[field] = from;
    draft.end[field] = to;
    draft.inScratch[field] = 0;
  }

  private unescape(bytes: Uint8Array, from: number, to: number, draft: RecordDraft): void {
    const { scratch } = this;
    scratch.reserve(to - from);
    scratch.length = unescapeHaproxy(bytes, from, to, scratch.bytes, scratch.length);
    draft.scratch = scratch.bytes;
  }

  private object(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, slots } = this;
    if (!reader.begin(bytes, start, end, draft)) return REJECTION.malformed;
    const at = reader.instant(slots.ts);
    if (Number.isNaN(at)) return REJECTION.noTime;
    // %Ts is when the connection was free for the next request: handshake and waiting come on top.
    const waited = Math.max(0, reader.amount(slots.th)) + Math.max(0, reader.amount(slots.ti));
    draft.at = Math.round(at + Math.min(waited, WAITED_MAX));
    draft.status = reader.status(slots.status);
    draft.durationMs = reader.amount(slots.tt);
    draft.bytesIn = reader.amount(slots.in);
    draft.bytesOut = reader.amount(slots.out);
    reader.fill(this.texts, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    if (known || draft.status === 401) draft.auth = authOf(draft.status, known);
    if (reader.is(slots.decision, THROTTLE) || reader.is(slots.decision, REFUSE)) {
      draft.limitedBy = LIMITED_BY.keyhound;
    } else if (reader.has(slots.term)) {
      const term = reader.found[slots.term + 1]!;
      draft.limitedBy = limitedBy(bytes, term, draft.status);
    }
    return takeRawKey(reader, this.keySlots, draft) || known
      ? REJECTION.ok
      : REJECTION.ambiguousKey;
  }
}

/** Dates of a zone → instants. Clocks change at quarters of an hour only, so the last one is kept. */
class ZoneOfDates {
  readonly #timeZone: string;
  #quarter = Number.NaN;
  #offsetMs = 0;

  constructor(timeZone: string) {
    if (!isTimeZone(timeZone)) {
      throw new KeyhoundError('usage', `timeZone: "${timeZone}" is no IANA zone`, {
        hint: 'For example Europe/Berlin. Without it dates are read as UTC.',
      });
    }
    this.#timeZone = timeZone;
  }

  /** `localMs`: the date as if it were UTC. Of an hour that comes twice the second is meant. */
  instantOf(localMs: number): number {
    if (this.#timeZone === 'UTC' || Number.isNaN(localMs)) return localMs;
    const quarter = Math.floor(localMs / QUARTER_MS);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#offsetMs = quarter * QUARTER_MS - instantIn(this.#timeZone, quarter * QUARTER_MS);
    }
    return localMs - this.#offsetMs;
  }
}

const QUARTER_MS = 900_000;

/** A day: no connection waits longer, and a number out of reach must not make a time of no calendar. */
const WAITED_MAX = 86_400_000;

/** 429 by a rule of HAProxy's own, in the phase of the request: `LR` (return), `PR` (deny). */
function limitedBy(bytes: Uint8Array, state: number, status: number): LimitedBy {
  const by = bytes[state];
  const own = (by === LETTER_L || by === LETTER_P) && bytes[state + 1] === LETTER_R;
  return own && status === 429 ? LIMITED_BY.gateway : LIMITED_BY.nobody;
}

function amount(bytes: Uint8Array, from: number, to: number): number {
  const value = readNumber(bytes, from, to);
  return value >= 0 ? value : -1;
}

function endsWhole(c: number): boolean {
  return c === AMPERSAND || c === QUESTION || c === SLASH;
}

/** Where the object of a JSON log begins: at once, or after a syslog header, in which there is no brace. */
function objectAt(bytes: Uint8Array, start: number, end: number): number {
  const stop = Math.min(end, start + HEADER_MAX);
  for (let i = start; i < stop; i++) {
    if (bytes[i] === OPEN) return i === start || bytes[i - 1] === SPACE ? i : -1;
    // The date of a line in httplog: its first brace is a captured header's.
    const isDate = i - 3 >= start && i + 4 < end && bytes[i - 3] === OPEN_BRACKET;
    if (isDate && bytes[i] === SLASH && bytes[i + 4] === SLASH) return -1;
  }
  return -1;
}

const CAPTURED = /^capture\.(\d{1,2})$/;

function capturedOf(options: FormatOptions): number {
  if (options.key?.kind !== 'field') return -1;
  const number = Number(CAPTURED.exec(options.key.name)?.[1] ?? 0);
  if (number === 0 && options.key.name.startsWith('capture')) {
    throw new KeyhoundError('usage', `--key field:${options.key.name}: there is no such capture`, {
      hint: 'Captured request headers are capture.1, capture.2 …, in the order of the configuration.',
    });
  }
  return number - 1;
}

/** Member of the JSON log that holds the raw key: `key`, whatever header it came from. */
function keyPathOf(options: FormatOptions): readonly string[] | undefined {
  switch (options.key?.kind) {
    case 'query':
    case 'path':
    case 'client_ip':
      return undefined;
    case 'field':
      return dottedPath(options.key.name);
    default:
      return ['key'];
  }
}

const THROTTLE = ascii('throttle');
const REFUSE = ascii('refuse');

export const haproxy: Format = Object.freeze({
  id: 'haproxy',
  summary: 'HAProxy: option httplog, or the JSON log-format of docs/formats.md',
  framing: 'lines',
  gateway: 'haproxy',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new HaproxyDecoder(options),
  recognise(sample: Uint8Array) {
    const decoder = new HaproxyDecoder({});
    const scanner = new JsonReader(
      ['ts', 'term', 'ip', 'status'].map((name) => ({ path: [name] })),
    );
    const draft = createDraft();
    const lines = sampleLines(sample);
    const matching = lines.filter(({ start, end }) => {
      if (decoder.decode(sample, start, end, draft) !== REJECTION.ok) return false;
      const object = objectAt(sample, start, end);
      if (object < 0) return true;
      return (
        scanner.begin(sample, object, end, draft) &&
        ['ts', 'term', 'ip', 'status'].every((name) => scanner.has(scanner.scanner.slot(name)))
      );
    });
    return byShare(
      matching.length,
      lines.length,
      'lines',
      'an address with port, a [date.ms], timers, a state and a request of HAProxy, or ts, ip, status and term',
      0.93,
    );
  },
});
