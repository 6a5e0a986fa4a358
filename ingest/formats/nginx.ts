/**
 * NGINX access log: `combined`, or any `log_format` pasted from nginx.conf, JSON-shaped ones included.
 *
 * NGINX stamps a line at the end of a request; where the duration is logged the begin is computed. A credential's
 * id counts as attested where `auth_request_set` put it into $key_id or $keyhound_key. A request header, even one
 * named so, is what the client wrote.
 */
import { KeyhoundError } from '../../core/errors.ts';
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { headerOf, type KeySpec } from '../../core/key-spec.ts';
import { FIELD, LIMITED_BY, type RecordDraft, resetDraft } from '../../core/record.ts';
import { asBasicHeader } from '../basic-user.ts';
import { putLogText, splitRequest } from '../clf-scan.ts';
import { authOf, isBlank } from '../json-read.ts';
import { type Escape, NGINX_COMBINED, parseLogFormat } from '../log-format.ts';
import { holdsNoQuote, LogTemplate } from '../log-template.ts';
import { readNumber } from '../numbers.ts';
import { KEY_NAMES } from '../raw-key.ts';
import { byShare } from '../sample.ts';
import { Scratch } from '../scratch.ts';
import { TimeReader, usable } from '../time.ts';
import { unescapeLog } from '../unescape.ts';
import { CombinedDecoder, combinedShare } from './combined.ts';

const LATENESS_MS = 60_000;
const BACKSLASH = 0x5c;

/** Variables that fill a text field, in order of preference. */
const TEXTS: readonly (readonly [string, number])[] = [
  ['key_id', FIELD.credentialId],
  ['keyhound_key', FIELD.credentialId],
  ['remote_addr', FIELD.clientAddress],
  ['http_x_forwarded_for', FIELD.forwardedFor],
  ['proxy_add_x_forwarded_for', FIELD.forwardedFor],
  ['request_method', FIELD.method],
  ['request_uri', FIELD.target],
  ['http_user_agent', FIELD.userAgent],
  ['http_origin', FIELD.origin],
  ['http_sec_fetch_site', FIELD.secFetch],
  ['request_id', FIELD.requestId],
];
const OTHERS = [
  'msec',
  'time_iso8601',
  'time_local',
  'request',
  'uri',
  'args',
  'query_string',
  'status',
  'bytes_sent',
  'body_bytes_sent',
  'request_length',
  'request_time',
  'limit_req_status',
  'keyhound_decision',
  'sent_http_x_keyhound_decision',
  'remote_user',
] as const;
type Other = (typeof OTHERS)[number];

class TemplateDecoder implements Decoder {
  private readonly template: LogTemplate;
  private readonly texts: readonly (readonly [index: number, field: number])[];
  private readonly other: Readonly<Record<Other, number>>;
  private readonly keys: readonly number[];
  /** The user name is the key, because nothing else is named as one. */
  private readonly keyIsUserName: boolean;
  /** `--key basic` takes an Authorization header apart, and only the user name is logged. */
  private readonly wantsHeader: boolean;
  private readonly time = new TimeReader();
  private readonly scratch = new Scratch();

  constructor(logFormat: string, options: FormatOptions) {
    const format = parseLogFormat(logFormat);
    const present = format.parts.flatMap((part) => ('variable' in part ? [part.variable] : []));
    const keyNames = keyVariables(options).filter((name) => present.includes(name));
    const known = [...TEXTS.map(([name]) => name), ...OTHERS, ...keyNames];
    const wanted = known.filter((name) => present.includes(name));
    const index = (name: string): number => wanted.indexOf(name);
    checkKey(options.key, keyNames);
    if (!['msec', 'time_iso8601', 'time_local'].some((name) => present.includes(name))) {
      throw new KeyhoundError('usage', 'logFormat: there is no time in it', {
        hint: 'Add $msec, $time_iso8601 or $time_local to the log_format.',
      });
    }
    checkEscape(format.escape, present);
    this.template = new LogTemplate(format, wanted);
    const unreadable = this.template.unreadable.map((name) => `$${name}`);
    if (unreadable.length > 0) {
      throw new KeyhoundError(
        'usage',
        `logFormat: ${unreadable.join(', ')} cannot be read, a client could forge where it begins or ends`,
        { hint: 'Put the variables that clients write (user agent, URI, headers) in quotes.' },
      );
    }
    this.texts = TEXTS.map(([name, field]) => [index(name), field] as const).filter(
      ([at]) => at >= 0,
    );
    this.other = Object.fromEntries(OTHERS.map((name) => [name, index(name)])) as Record<
      Other,
      number
    >;
    // The user name is the key only where nothing else can be: it may be logged beside a real one.
    const named = keyNames.filter((name) => name !== 'remote_user');
    const byDefault = named.length > 0 ? named : keyNames;
    this.wantsHeader = options.key?.kind === 'basic' && keyNames[0] === 'remote_user';
    this.keyIsUserName = options.key === undefined && named.length === 0;
    // What --key names may be logged in two forms (the cookie, and all cookies): the first will do.
    this.keys = (options.key === undefined ? byDefault : keyNames.slice(0, 1)).map(index);
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    resetDraft(draft, bytes);
    this.scratch.reset();
    draft.scratch = this.scratch.bytes;
    if (!this.template.match(bytes, start, end)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    const { other } = this;
    const status = this.number(bytes, other.status);
    draft.status = status >= 100 && status <= 599 ? status : 0;
    const seconds = this.number(bytes, other.request_time);
    if (seconds >= 0) draft.durationMs = Math.round(seconds * 1e6) / 1000;
    draft.bytesIn = this.amount(bytes, other.request_length);
    draft.bytesOut = this.amount(bytes, other.bytes_sent);
    if (draft.bytesOut < 0) draft.bytesOut = this.amount(bytes, other.body_bytes_sent);
    draft.at = usable(this.ended(bytes) - Math.max(0, draft.durationMs));
    for (const [index, field] of this.texts) {
      if (draft.start[field] === -1) this.text(bytes, index, draft, field);
    }
    this.requestLine(bytes, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    if (known || status === 401) draft.auth = authOf(status, known);
    this.limitedBy(bytes, draft);
    const single = this.rawKey(bytes, draft);
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    return single || known ? REJECTION.ok : REJECTION.ambiguousKey;
  }

  /** The end of the request, epoch ms. */
  private ended(bytes: Uint8Array): number {
    const { from, to } = this.template;
    const { msec, time_iso8601, time_local } = this.other;
    const at = this.number(bytes, msec) * 1000;
    if (!Number.isNaN(at)) return Math.round(at);
    if (time_iso8601 >= 0 && from[time_iso8601]! >= 0) {
      return this.time.iso(bytes, from[time_iso8601]!, to[time_iso8601]!);
    }
    return time_local < 0 ? Number.NaN : this.time.clf(bytes, from[time_local]!, to[time_local]!);
  }

  private requestLine(bytes: Uint8Array, draft: RecordDraft): void {
    const { scratch, template, other } = this;
    if (draft.start[FIELD.target] === -1) {
      // $uri has lost its query; $args brings it back.
      const from = scratch.length;
      this.append(bytes, other.uri);
      const path = scratch.length;
      if (path > from) {
        scratch.append(QUESTION);
        const args = other.args < 0 ? other.query_string : other.args;
        if (!this.append(bytes, args)) scratch.length = path;
        scratch.give(draft, FIELD.target, from);
      }
    }
    if (other.request < 0) return;
    const hadMethod = draft.start[FIELD.method]! >= 0;
    if (hadMethod && draft.start[FIELD.target]! >= 0) return;
    if (!template.escaped) {
      splitRequest(bytes, template.from[other.request]!, template.to[other.request]!, 0, draft);
      return;
    }
    const from = scratch.length;
    this.append(bytes, other.request);
    draft.scratch = scratch.bytes;
    splitRequest(scratch.bytes, from, scratch.length, 1, draft);
  }

  private limitedBy(bytes: Uint8Array, draft: RecordDraft): void {
    const { limit_req_status, keyhound_decision, sent_http_x_keyhound_decision } = this.other;
    const decision = keyhound_decision < 0 ? sent_http_x_keyhound_decision : keyhound_decision;
    if (this.is(bytes, decision, THROTTLE) || this.is(bytes, decision, REFUSE)) {
      draft.limitedBy = LIMITED_BY.keyhound;
    } else if (this.is(bytes, limit_req_status, REJECTED)) {
      draft.limitedBy = LIMITED_BY.gateway;
    }
  }

  /** False when two variables hold different keys. */
  private rawKey(bytes: Uint8Array, draft: RecordDraft): boolean {
    const { from, to } = this.template;
    let first = -1;
    // A user name beside a credential's id is not another name of that credential.
    if (this.keyIsUserName && draft.start[FIELD.credentialId]! >= 0) return true;
    for (const index of this.keys) {
      if (first < 0) {
        if (!this.text(bytes, index, draft, FIELD.rawKey)) continue;
        first = index;
        if (this.wantsHeader) asBasicHeader(draft, FIELD.rawKey, this.scratch);
        continue;
      }
      const length = to[index]! - from[index]!;
      if (from[index]! < 0 || length === 0 || (length === 1 && bytes[from[index]!] === 0x2d)) {
        continue;
      }
      if (!sameBytes(bytes, from[first]!, to[first]!, from[index]!, to[index]!)) {
        draft.start[FIELD.rawKey] = -1;
        return false;
      }
    }
    return true;
  }

  private text(bytes: Uint8Array, index: number, draft: RecordDraft, field: number): boolean {
    const from = this.template.from[index]!;
    const to = this.template.to[index]!;
    if (from < 0) return false;
    let stop = to;
    if (this.template.escaped) {
      for (let i = from; i < to; i++) if (bytes[i] === BACKSLASH) stop = ~to;
    }
    return putLogText(bytes, from, stop, draft, field, this.scratch);
  }

  /** Appends a value to scratch; false when it is absent. */
  private append(bytes: Uint8Array, index: number): boolean {
    const from = index < 0 ? -1 : this.template.from[index]!;
    const to = index < 0 ? -1 : this.template.to[index]!;
    if (from < 0 || to === from || (to - from === 1 && bytes[from] === 0x2d)) return false;
    const { scratch } = this;
    scratch.reserve(to - from);
    if (this.template.escaped) {
      scratch.length = unescapeLog(bytes, from, to, scratch.bytes, scratch.length);
    } else {
      scratch.append(bytes, from, to);
    }
    return true;
  }

  private number(bytes: Uint8Array, index: number): number {
    if (index < 0 || this.template.from[index]! < 0) return Number.NaN;
    return readNumber(bytes, this.template.from[index]!, this.template.to[index]!);
  }

  private amount(bytes: Uint8Array, index: number): number {
    const value = this.number(bytes, index);
    return value >= 0 ? value : -1;
  }

  private is(bytes: Uint8Array, index: number, text: Uint8Array): boolean {
    const from = index < 0 ? -1 : this.template.from[index]!;
    if (from < 0 || this.template.to[index]! - from !== text.length) return false;
    for (let k = 0; k < text.length; k++) if (bytes[from + k] !== text[k]) return false;
    return true;
  }
}

/** Unescaped, a quote in any of these makes a line unreadable: a client could hide all it does. */
function checkEscape(mode: Escape, present: readonly string[]): void {
  const open = mode === 'none' ? present.filter((name) => !holdsNoQuote(name)) : [];
  if (open.length === 0) return;
  const names = [...new Set(open)].map((name) => `$${name}`);
  throw new KeyhoundError(
    'usage',
    `logFormat: with escape=none a client can hide its requests, by a quote in ${names.join(', ')}`,
    {
      hint: 'Take escape=none out of the log_format in nginx.conf, or say escape=json; reload NGINX.',
    },
  );
}

function sameBytes(
  bytes: Uint8Array,
  aFrom: number,
  aTo: number,
  bFrom: number,
  bTo: number,
): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false;
  for (let k = 0; k < aTo - aFrom; k++) if (bytes[aFrom + k] !== bytes[bFrom + k]) return false;
  return true;
}

/** Variables that may hold the raw key. */
function keyVariables(options: FormatOptions): string[] {
  const key = options.key;
  if (key === undefined) {
    const names = (options.keyNames ?? KEY_NAMES).map(variableName);
    return [
      ...names.map((name) => `http_${name}`),
      ...names.map((name) => `arg_${name}`),
      'remote_user',
    ];
  }
  switch (key.kind) {
    case 'field':
      return [key.name.replace(/^\$/, '')];
    case 'query':
      return [`arg_${key.name}`];
    case 'cookie':
      return [`cookie_${key.name}`, 'http_cookie'];
    case 'basic':
      return ['http_authorization', 'remote_user'];
    default: {
      const header = headerOf(key);
      return header === undefined ? [] : [`http_${variableName(header)}`];
    }
  }
}

function variableName(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

/** A key that the log cannot show is a mistake to be told at once, not a log without keys. */
function checkKey(key: KeySpec | undefined, present: readonly string[]): void {
  if (key === undefined || present.length > 0) return;
  if (key.kind === 'query' || key.kind === 'path' || key.kind === 'client_ip') return;
  const wanted = keyVariables({ key }).map((name) => `$${name}`);
  throw new KeyhoundError('usage', `--key: the log_format has no ${wanted.join(' or ')}`, {
    hint: `Add it to the log_format in nginx.conf, or say another place of the key.`,
  });
}

const QUESTION = new TextEncoder().encode('?');
const THROTTLE = new TextEncoder().encode('throttle');
const REFUSE = new TextEncoder().encode('refuse');
const REJECTED = new TextEncoder().encode('REJECTED');

export const nginx: Format = Object.freeze({
  id: 'nginx',
  summary: 'NGINX access log: combined, or your log_format (logFormat)',
  framing: 'lines',
  gateway: 'nginx',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder(options: FormatOptions): Decoder {
    const text = options.logFormat?.trim() ?? 'combined';
    return text === 'combined' || text === NGINX_COMBINED
      ? new CombinedDecoder(options)
      : new TemplateDecoder(text, options);
  },
  recognise(sample: Uint8Array) {
    const { matching, total } = combinedShare(sample);
    const { confidence, why } = byShare(matching, total, 'lines', 'the combined format', 0.85);
    return { confidence, why: `${why}, which NGINX and Apache write alike` };
  },
});
