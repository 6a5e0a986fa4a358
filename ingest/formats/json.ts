/**
 * Any JSON log, by a mapping from our field names to dotted paths in the record. Without a mapping the usual names
 * are taken, as long as a record has only one of them for each field.
 */
import { KeyhoundError } from '../../core/errors.ts';
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { headerOf } from '../../core/key-spec.ts';
import { AUTH, type Auth, createDraft, FIELD, type RecordDraft } from '../../core/record.ts';
import { suggest } from '../../core/suggest.ts';
import { ascii, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import { dottedPath, takeRawKey } from '../raw-key.ts';
import { type Range, sampleObjects } from '../sample.ts';

const LATENESS_MS = 60_000;
/** A guess by names loses against every format that has a shape of its own. */
const GUESS = 0.6;

/** Our names, and the paths they are looked for at when there is no mapping. */
const USUAL = {
  at: ['at', 'time', 'timestamp', 'ts', '@timestamp', 'time_iso8601', 'msec', 'datetime'],
  key: ['key', 'apiKey', 'api_key', 'apikey', 'x-api-key', 'headers.x-api-key'],
  keyId: ['keyId', 'key_id', 'apiKeyId', 'api_key_id'],
  auth: ['auth'],
  consumer: ['consumer', 'tenant', 'account'],
  clientIp: ['clientIp', 'client_ip', 'remote_addr', 'remoteAddr', 'ip', 'client.ip', 'source.ip'],
  method: ['method', 'request_method', 'http.request.method'],
  path: ['path', 'uri', 'request_uri', 'url.path'],
  route: ['route'],
  status: ['status', 'status_code', 'statusCode', 'http.response.status_code'],
  durationMs: ['durationMs', 'duration_ms', 'latency_ms'],
  durationS: ['request_time'],
  durationNs: ['event.duration'],
  bytesIn: ['bytesIn', 'bytes_in', 'request_length'],
  bytesOut: ['bytesOut', 'bytes_out', 'bytes_sent', 'body_bytes_sent'],
  userAgent: ['userAgent', 'user_agent', 'http_user_agent', 'user_agent.original'],
  origin: ['origin'],
  secFetch: ['secFetchSite', 'sec_fetch_site', 'http_sec_fetch_site'],
  requestId: ['requestId', 'request_id'],
  forwardedFor: ['forwardedFor', 'x_forwarded_for', 'http_x_forwarded_for'],
} as const satisfies Record<string, readonly string[]>;
type Name = keyof typeof USUAL;
const NAMES = Object.keys(USUAL) as Name[];

const TEXTS: readonly (readonly [Name, number])[] = [
  ['keyId', FIELD.credentialId],
  ['consumer', FIELD.consumer],
  ['clientIp', FIELD.clientAddress],
  ['forwardedFor', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['path', FIELD.target],
  ['route', FIELD.route],
  ['userAgent', FIELD.userAgent],
  ['origin', FIELD.origin],
  ['secFetch', FIELD.secFetch],
  ['requestId', FIELD.requestId],
];

type Mapping = Readonly<Record<Name, readonly (readonly string[])[]>>;

/** Throws a usage error for a name that is none of ours, or a mapping without a time. */
function mappingOf(fields: Readonly<Record<string, string>> | undefined): Mapping {
  const paths = (name: Name): (readonly string[])[] => {
    if (fields === undefined) return USUAL[name].map((text) => dottedPath(text));
    const text = fields[name];
    return text === undefined ? [] : [dottedPath(text)];
  };
  for (const [name, text] of Object.entries(fields ?? {})) {
    if (!Object.hasOwn(USUAL, name)) {
      const nearest = suggest(name, NAMES);
      const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
      throw new KeyhoundError('usage', `fields: "${name}" is no field.${hint}`, {
        hint: `Fields: ${NAMES.join(', ')}.`,
      });
    }
    if (dottedPath(text).length === 0) {
      throw new KeyhoundError('usage', `fields: ${name} names no place in the record`);
    }
  }
  if (fields !== undefined && fields['at'] === undefined) {
    throw new KeyhoundError('usage', 'fields: `at` is missing, the time of a request is needed', {
      hint: 'For example fields: { at: time, key: request.headers.x-api-key }.',
    });
  }
  return Object.fromEntries(NAMES.map((name) => [name, paths(name)])) as unknown as Mapping;
}

class JsonDecoder implements Decoder {
  private readonly mapping: Mapping;
  private readonly reader: JsonReader;
  private readonly slots: Readonly<Record<Name, readonly number[]>>;
  private readonly texts: TextPlan;
  private readonly keySlots: readonly number[];

  constructor(options: FormatOptions) {
    const mapping = mappingOf(options.fields);
    this.mapping = mapping;
    const keyPaths = keyPathsOf(options, mapping);
    // Header names are looked for in any case: --key has them in lower case.
    const fold = options.key !== undefined && headerOf(options.key) !== undefined;
    const wanted = Object.values(mapping).flat();
    this.reader = new JsonReader(
      [...wanted.map((path) => ({ path })), ...keyPaths.map((path) => ({ path, fold }))],
      true,
    );
    const scanner = this.reader.scanner;
    const slotsOf = (name: Name): number[] => mapping[name].map((path) => scanner.slot(...path));
    this.slots = Object.fromEntries(
      NAMES.map((name) => [name, slotsOf(name)]),
    ) as unknown as Record<Name, number[]>;
    this.texts = textPlan(
      TEXTS.flatMap(([name, field]) =>
        this.slots[name].map((slot): [number, number] => [slot, field]),
      ),
    );
    this.keySlots = keyPaths.map((path) => scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, slots } = this;
    if (!reader.begin(bytes, start, end, draft)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    draft.at = this.at();
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(this.first(slots.status));
    draft.durationMs = this.duration();
    draft.bytesIn = reader.amount(this.first(slots.bytesIn));
    draft.bytesOut = reader.amount(this.first(slots.bytesOut));
    draft.auth = this.auth(draft.status);
    reader.fill(this.texts, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    return takeRawKey(reader, this.keySlots, draft) || known
      ? REJECTION.ok
      : REJECTION.ambiguousKey;
  }

  /** The paths of these names that the last record has. */
  present(names: readonly Name[]): string[] {
    return names.flatMap((name) =>
      this.mapping[name]
        .filter((_, k) => this.reader.has(this.slots[name][k]!))
        .map((path) => path.join('.')),
    );
  }

  /** NaN also when two of the usual names hold different times: nobody can tell which one is meant. */
  private at(): number {
    let at = Number.NaN;
    for (const slot of this.slots.at) {
      if (!this.reader.has(slot)) continue;
      const other = this.reader.instant(slot);
      if (Number.isNaN(at)) at = other;
      // The same instant may be logged to the second and to the millisecond.
      else if (!(Math.abs(at - other) < 1000)) return Number.NaN;
    }
    return at;
  }

  private duration(): number {
    const { reader, slots } = this;
    const ms = reader.amount(this.first(slots.durationMs));
    if (ms >= 0) return ms;
    const seconds = reader.amount(this.first(slots.durationS));
    if (seconds >= 0) return seconds * 1000;
    const ns = reader.amount(this.first(slots.durationNs));
    return ns >= 0 ? ns / 1e6 : -1;
  }

  /** Who writes no `auth` says nothing about who checked the key. */
  private auth(status: number): Auth {
    const { reader, slots } = this;
    const slot = this.first(slots.auth);
    if (reader.is(slot, OK)) return AUTH.ok;
    if (reader.is(slot, FAILED)) return AUTH.failed;
    if (reader.is(slot, NONE)) return AUTH.none;
    return status === 401 ? AUTH.failed : AUTH.unknown;
  }

  /** The first of the slots that has a value; -1, which reads as absent, when none has. */
  private first(slots: readonly number[]): number {
    for (const slot of slots) if (this.reader.has(slot)) return slot;
    return -1;
  }
}

/** Where the raw key is: --key, else the mapping's `key`. */
function keyPathsOf(options: FormatOptions, mapping: Mapping): readonly (readonly string[])[] {
  const key = options.key;
  if (key === undefined) return mapping.key;
  if (key.kind === 'field') return [dottedPath(key.name)];
  const header = headerOf(key);
  if (header === undefined) return [];
  // With a mapping, its `key` says where the header is; without, the usual places of headers.
  if (options.fields?.['key'] !== undefined) return mapping.key.map(lowerLast);
  return [['request', 'headers', header], ['headers', header], [header]];
}

/** The scanner keeps folded names in lower case. */
function lowerLast(path: readonly string[]): readonly string[] {
  return path.map((part, k) => (k === path.length - 1 ? part.toLowerCase() : part));
}

const OK = ascii('ok');
const FAILED = ascii('failed');
const NONE = ascii('none');

export const json: Format = Object.freeze({
  id: 'json',
  summary: 'Any JSON log, by a mapping of fields',
  framing: 'json',
  gateway: 'json',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'client',
  createDecoder: (options: FormatOptions): Decoder => new JsonDecoder(options),
  recognise(sample: Uint8Array) {
    const records = sampleObjects(sample);
    if (records.length === 0) return { confidence: 0, why: 'no complete record to look at' };
    const { readable, times, keys } = tryUsualNames(sample, records);
    const says = `time in ${list(times)}, key in ${list(keys)}`;
    if (keys.size === 1 && readable > 0) {
      return {
        confidence: (readable / records.length) * GUESS,
        why: `${readable} of ${records.length} records have a ${says}`,
      };
    }
    return { confidence: 0.1, why: `JSON, but a mapping is needed (fields): ${says}` };
  },
});

/** How many records can be read by the usual names, and which of them there are. */
function tryUsualNames(sample: Uint8Array, records: readonly Range[]) {
  const decoder = new JsonDecoder({});
  const draft = createDraft();
  const times = new Set<string>();
  const keys = new Set<string>();
  let readable = 0;
  for (const { start, end } of records) {
    const result = decoder.decode(sample, start, end, draft);
    const key = decoder.present(['key', 'keyId']);
    for (const path of decoder.present(['at'])) times.add(path);
    for (const path of key) keys.add(path);
    if (result === REJECTION.ok && key.length > 0) readable++;
  }
  return { readable, times, keys };
}

function list(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'none of the usual names' : [...names].join(' and ');
}
