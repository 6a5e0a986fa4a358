/**
 * Tyk: what tyk-pump writes of the traffic log (kafka, stdout and the other pumps with JSON), and the gateway's own
 * access log, as text or JSON.
 *
 * Tyk names a key only after it has found its session: who is refused for an unknown key is logged without one. The
 * name is the raw key, or its hash with `hash_keys`, and a record does not say which: so it counts as raw and is hashed
 * at once, unless the operator says that it is the hash: `fields: {keyId: api_key}`. Of a key that the access log shows
 * only in part nobody can tell whose it was.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { FIELD, LIMITED_BY, type RecordDraft, resetDraft } from '../../core/record.ts';
import { at, countObjects, type Places, PlacesReader, type PlaceTexts } from '../json-places.ts';
import { ascii, authOf, isBlank } from '../json-read.ts';
import { skipSpace } from '../json-skip.ts';
import { LogfmtReader } from '../logfmt.ts';
import { byShare, type Range, sampleLines, sampleObjects } from '../sample.ts';
import type { Scratch } from '../scratch.ts';
import { TimeReader, usable } from '../time.ts';
import { dropNobody, escapeQuestionMarks, type TykKey, tykKeyOf } from '../tyk-key.ts';

const LATENESS_MS = 60_000;
const OPEN_OBJECT = 0x7b;
/** The stdout pump wraps its record in a message of its own. */
const WRAPPED = 'tyk-analytics-record';

/** Members of tyk-pump's record and of the access log, and the text fields that they fill. */
const TEXTS = [
  ['oauth_id', FIELD.consumer],
  ['alias', FIELD.consumer],
  // What Tyk takes for the client is the left end of X-Forwarded-For: the access log shows who connected, too.
  ['remote_addr', FIELD.clientAddress],
  ['ip_address', FIELD.clientAddress],
  ['client_ip', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['original_path', FIELD.target],
  ['raw_path', FIELD.target],
  ['path', FIELD.target],
  ['user_agent', FIELD.userAgent],
] as const;
type TextName = (typeof TEXTS)[number][0];
const NUMBERS = ['response_code', 'request_time_ms', 'request_time', 'content_length'] as const;
const ACCESS = ['time', 'prefix', 'level', 'status', 'latency_total', 'upstream_latency'] as const;
type AccessName = (typeof ACCESS)[number];

type Member = TextName | (typeof NUMBERS)[number] | AccessName | 'timestamp';
const MEMBERS: readonly Member[] = [
  ...TEXTS.map(([name]) => name),
  ...NUMBERS,
  ...ACCESS,
  'timestamp',
];
type Place = Member | `wrapped ${Member}` | 'upstream' | 'wrapped upstream';
const PLACES = Object.fromEntries([
  ...MEMBERS.flatMap((name) => [
    [name, at(name)],
    [`wrapped ${name}`, at(WRAPPED, name)],
  ]),
  ['upstream', at('latency', 'upstream')],
  ['wrapped upstream', at(WRAPPED, 'latency', 'upstream')],
]) as Places<Place>;
const JSON_TEXTS: PlaceTexts<Place> = TEXTS.flatMap(([name, field]) => [
  [`wrapped ${name}`, field] as const,
  [name, field] as const,
]);

/** The pump's records, and the access log with `log_format: json`. */
class JsonRecords implements Decoder {
  private readonly reader: PlacesReader<Place>;
  private readonly key: TykKey;
  private readonly keySlots: readonly number[];

  constructor(key: TykKey) {
    this.key = key;
    const paths = key.path === undefined ? [] : [key.path, [WRAPPED, ...key.path]];
    const keys = paths.map((path) => at(...path));
    this.reader = new PlacesReader(PLACES, JSON_TEXTS, key.isId ? [] : keys, false, keys);
    this.keySlots = paths.map((path) => this.reader.scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, key } = this;
    const { slots } = reader;
    const opened = reader.open(bytes, start, end, draft);
    if (opened !== REJECTION.ok) return opened;
    const isAccess = reader.is(slots.prefix, ACCESS_LOG);
    const ended = this.first(isAccess ? 'time' : 'timestamp');
    // Tyk's own messages go to the same stream.
    if (!isAccess && !reader.has(ended) && reader.has(slots.level)) return REJECTION.ignored;
    draft.status = reader.status(this.first(isAccess ? 'status' : 'response_code'));
    draft.durationMs = isAccess ? reader.amount(slots.latency_total) : this.requestTime();
    draft.bytesIn = isAccess ? -1 : reader.amount(this.first('content_length'));
    draft.at = usable(reader.instant(ended) - Math.max(0, draft.durationMs));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    if (key.isId) {
      for (const slot of this.keySlots) reader.text(slot, draft, FIELD.credentialId);
    }
    const taken = reader.takeKey(draft);
    if (taken !== REJECTION.ok) return taken;
    const upstream = isAccess ? slots.upstream_latency : this.upstream();
    settle(draft, reader.amount(upstream), reader.scratch, key);
    return REJECTION.ok;
  }

  /** The member where the record has it: wrapped or not. */
  private first(name: Member): number {
    const { reader } = this;
    const wrapped = reader.slots[`wrapped ${name}`];
    return reader.has(wrapped) ? wrapped : reader.slots[name];
  }

  private upstream(): number {
    const { reader } = this;
    const wrapped = reader.slots['wrapped upstream'];
    return reader.has(wrapped) ? wrapped : reader.slots.upstream;
  }

  private requestTime(): number {
    const ms = this.reader.amount(this.first('request_time_ms'));
    return ms >= 0 ? ms : this.reader.amount(this.first('request_time'));
  }
}

/** The access log as logrus writes it: `time="…" level=info … prefix=access-log …`. */
class TextRecords implements Decoder {
  private readonly reader: LogfmtReader;
  private readonly key: TykKey;
  private readonly keyIndex: number;
  private readonly time = new TimeReader();
  private readonly readTime = (bytes: Uint8Array, from: number, to: number): number =>
    this.time.iso(bytes, from, to);

  constructor(key: TykKey) {
    this.key = key;
    const name = key.path?.join('.');
    this.reader = new LogfmtReader([...TEXT_NAMES, ...(name === undefined ? [] : [name])]);
    this.keyIndex = name === undefined ? -1 : TEXT_NAMES.length;
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, key } = this;
    resetDraft(draft, bytes);
    if (!reader.scan(bytes, start, end)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    if (!reader.is(indexOf('prefix'), ACCESS_LOG)) {
      return reader.has(indexOf('level')) ? REJECTION.ignored : REJECTION.malformed;
    }
    const status = reader.number(indexOf('status'));
    draft.status = status >= 100 && status <= 599 ? Math.trunc(status) : 0;
    draft.durationMs = amount(reader.number(indexOf('latency_total')));
    const endedAt = reader.time(indexOf('time'), this.readTime);
    draft.at = usable(endedAt - Math.max(0, draft.durationMs));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    TEXTS.forEach(([, field], index) => {
      reader.text(index, draft, field);
    });
    const field = key.isId ? FIELD.credentialId : FIELD.rawKey;
    if (this.keyIndex >= 0) reader.text(this.keyIndex, draft, field);
    const upstream = amount(reader.number(indexOf('upstream_latency')));
    settle(draft, upstream, reader.scratch, key);
    return REJECTION.ok;
  }
}

const TEXT_NAMES: readonly string[] = [...TEXTS.map(([name]) => name), ...ACCESS];

function indexOf(name: AccessName): number {
  return TEXTS.length + ACCESS.indexOf(name);
}

function amount(value: number): number {
  return value >= 0 && value < Number.MAX_VALUE ? value : -1;
}

/** What both kinds have in common, once their fields are read. */
function settle(draft: RecordDraft, upstreamMs: number, scratch: Scratch, key: TykKey): void {
  const field = key.isId ? FIELD.credentialId : FIELD.rawKey;
  dropNobody(draft, field);
  escapeQuestionMarks(draft, scratch);
  draft.auth = authOf(draft.status, key.isTyks && draft.start[field]! >= 0);
  // Refused before anything was asked: the pump then writes no time at all.
  const isOwn = upstreamMs >= 0 ? upstreamMs === 0 : draft.durationMs <= 0;
  if (draft.status === 429 && isOwn) draft.limitedBy = LIMITED_BY.gateway;
}

class TykDecoder implements Decoder {
  private readonly json: JsonRecords;
  private readonly text: TextRecords;

  constructor(options: FormatOptions) {
    const key = tykKeyOf(options);
    this.json = new JsonRecords(key);
    this.text = new TextRecords(key);
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const first = skipSpace(bytes, start, end);
    const records = first < end && bytes[first] === OPEN_OBJECT ? this.json : this.text;
    return records.decode(bytes, start, end, draft);
  }
}

const ACCESS_LOG = ascii('access-log');

/** Lines of the access log as text. */
function countText(sample: Uint8Array, lines: readonly Range[]): number {
  const reader = new LogfmtReader(TEXT_NAMES);
  return lines.filter(
    ({ start, end }) => reader.scan(sample, start, end) && reader.is(indexOf('prefix'), ACCESS_LOG),
  ).length;
}

export const tyk: Format = Object.freeze({
  id: 'tyk',
  summary: 'Tyk: records of tyk-pump (JSON), and the gateway access log (text or JSON)',
  framing: 'json',
  gateway: 'tyk',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'none',
  createDecoder: (options: FormatOptions): Decoder => new TykDecoder(options),
  recognise(sample: Uint8Array) {
    const lines = sampleLines(sample);
    const text = countText(sample, lines);
    if (text > 0) return byShare(text, lines.length, 'lines', 'prefix=access-log', 0.97);
    const json = countObjects(
      sample,
      [
        [at('timestamp'), at(WRAPPED), at('time')],
        [at('response_code'), at(WRAPPED, 'response_code'), at('status')],
        [at('api_key'), at(WRAPPED, 'api_key')],
        [at('api_id'), at(WRAPPED, 'api_id')],
      ],
      sampleObjects(sample),
    );
    const says = 'timestamp, response_code, api_key and api_id';
    return byShare(json.matching, json.total, 'records', says, 0.96);
  },
});
