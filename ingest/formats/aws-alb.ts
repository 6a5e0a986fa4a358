/**
 * AWS Application Load Balancer access log, as S3 holds it:
 *
 *   line  = type " " time " " elb " " client ":" port " " target " " seconds " " seconds " " seconds
 *           " " elb_status " " target_status " " received " " sent " " request " " agent
 *           " " cipher " " protocol " " group " " trace " " domain " " certificate " " priority " " created
 *           { " " anything }
 *   request, agent, trace, domain, certificate = '"' text in which '"' is `\x22` '"'
 *
 * Fields are read by position from the left, up to the last one needed: AWS adds new ones at the end. No header is
 * logged, so a key is there only in the URL; and the load balancer checks none.
 */
import { KeyhoundError } from '../../core/errors.ts';
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import {
  AUTH,
  createDraft,
  FIELD,
  LIMITED_BY,
  type RecordDraft,
  resetDraft,
} from '../../core/record.ts';
import { closingQuote, putLogText, splitRequest } from '../clf-scan.ts';
import { isBlank } from '../json-read.ts';
import { readDigits, readNumber } from '../numbers.ts';
import { byShare, sampleLines } from '../sample.ts';
import { Scratch } from '../scratch.ts';
import { TimeReader, usable } from '../time.ts';
import { unescapeLog } from '../unescape.ts';

/** Every node of a load balancer writes its own file, once in five minutes, delivered with no promise. */
const LATENESS_MS = 600_000;

const SPACE = 0x20;
const QUOTE = 0x22;
const DASH = 0x2d;
const COLON = 0x3a;

const TYPES: readonly string[] = ['http', 'https', 'h2', 'grpcs', 'ws', 'wss'];
/** Words before the request, by their index. */
const WORD = {
  type: 0,
  time: 1,
  client: 3,
  firstSeconds: 5,
  lastSeconds: 7,
  status: 8,
  targetStatus: 9,
  bytesIn: 10,
  bytesOut: 11,
} as const;
const WORDS = 12;

class AlbDecoder implements Decoder {
  private readonly time = new TimeReader();
  private readonly scratch = new Scratch();
  private readonly from = new Int32Array(WORDS);
  private readonly to = new Int32Array(WORDS);

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    resetDraft(draft, bytes);
    this.scratch.reset();
    draft.scratch = this.scratch.bytes;
    const request = this.words(bytes, start, end);
    if (request < 0) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    const rest = this.request(bytes, request, end, draft);
    const created = rest < 0 ? -1 : this.client(bytes, rest, end, draft);
    if (created < 0) return REJECTION.malformed;
    const { from, to } = this;
    const seconds = this.seconds(bytes);
    const answered = this.time.iso(bytes, from[WORD.time]!, to[WORD.time]!);
    const createdAt = this.time.iso(bytes, created, wordEnd(bytes, created, end));
    draft.durationMs = seconds < 0 ? -1 : Math.round(seconds * 1e6) / 1000;
    // No request is created after it was answered.
    draft.at = usable(createdAt <= answered ? createdAt : answered - Math.max(0, draft.durationMs));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    const status = readDigits(bytes, from[WORD.status]!, to[WORD.status]!);
    draft.status = status >= 100 && status <= 599 ? status : 0;
    draft.bytesIn = readDigits(bytes, from[WORD.bytesIn]!, to[WORD.bytesIn]!);
    draft.bytesOut = readDigits(bytes, from[WORD.bytesOut]!, to[WORD.bytesOut]!);
    this.address(bytes, draft);
    if (status === 401) draft.auth = AUTH.failed;
    // Answered by a rule or by WAF; no target was asked.
    if (status === 429 && bytes[from[WORD.targetStatus]!] === DASH) {
      draft.limitedBy = LIMITED_BY.gateway;
    }
    return REJECTION.ok;
  }

  /** Ranges of the words before the request; answers where its quote stands, -1 when they are not there. */
  private words(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (let k = 0; k < WORDS; k++) {
      const stop = wordEnd(bytes, at, end);
      if (stop === at || stop + 1 >= end) return -1;
      this.from[k] = at;
      this.to[k] = stop;
      at = stop + 1;
    }
    return bytes[at] === QUOTE ? at : -1;
  }

  /** Answers where the user agent begins. */
  private request(bytes: Uint8Array, quote: number, end: number, draft: RecordDraft): number {
    const { scratch } = this;
    const close = closingQuote(bytes, quote + 1, end);
    if (close === -1) return -1;
    const stop = close < 0 ? ~close : close;
    if (close < 0) {
      const begin = scratch.length;
      scratch.reserve(stop - quote);
      scratch.length = unescapeLog(bytes, quote + 1, stop, scratch.bytes, begin);
      draft.scratch = scratch.bytes;
      splitRequest(scratch.bytes, begin, scratch.length, 1, draft);
    } else {
      splitRequest(bytes, quote + 1, stop, 0, draft);
    }
    // `- http://name:80- -`: what came was no request.
    if (bytes[quote + 1] === DASH) {
      draft.start[FIELD.method] = -1;
      draft.start[FIELD.target] = -1;
    }
    return stop + 1;
  }

  /** What is left of interest; answers where the time of creation begins. */
  private client(bytes: Uint8Array, from: number, end: number, draft: RecordDraft): number {
    let at = this.quoted(bytes, from, end, draft, FIELD.userAgent);
    for (let k = 0; k < 3 && at >= 0; k++) at = skipWord(bytes, at, end);
    if (at >= 0) at = this.quoted(bytes, at, end, draft, FIELD.requestId);
    for (let k = 0; k < 2 && at >= 0; k++) at = this.quoted(bytes, at, end, draft, -1);
    if (at >= 0) at = skipWord(bytes, at, end);
    return at >= 0 && at + 1 < end && bytes[at] === SPACE ? at + 1 : -1;
  }

  /** Reads ` "text"` into a field, of none when it is -1; answers the index after it, -1 when it is not there. */
  private quoted(
    bytes: Uint8Array,
    at: number,
    end: number,
    draft: RecordDraft,
    field: number,
  ): number {
    if (at + 2 >= end || bytes[at] !== SPACE || bytes[at + 1] !== QUOTE) return -1;
    const stop = closingQuote(bytes, at + 2, end);
    if (stop === -1) return -1;
    if (field >= 0) putLogText(bytes, at + 2, stop, draft, field, this.scratch);
    return (stop < 0 ? ~stop : stop) + 1;
  }

  /** Seconds from the request's arrival to the response; -1 when it was not passed on. */
  private seconds(bytes: Uint8Array): number {
    let sum = 0;
    for (let k = WORD.firstSeconds; k <= WORD.lastSeconds; k++) {
      const part = readNumber(bytes, this.from[k]!, this.to[k]!);
      if (!(part >= 0)) return -1;
      sum += part;
    }
    return sum;
  }

  /** `address:port`, an IPv6 address with or without brackets. */
  private address(bytes: Uint8Array, draft: RecordDraft): void {
    const from = this.from[WORD.client]!;
    const to = this.to[WORD.client]!;
    let colon = to - 1;
    while (colon > from && bytes[colon] !== COLON) colon--;
    if (bytes[from] === DASH) return;
    draft.start[FIELD.clientAddress] = from;
    draft.end[FIELD.clientAddress] = colon > from ? colon : to;
  }
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== SPACE && bytes[i] !== QUOTE) i++;
  return i;
}

/** After ` word`; -1 when it is not there. */
function skipWord(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end || bytes[at] !== SPACE) return -1;
  const stop = wordEnd(bytes, at + 1, end);
  return stop === at + 1 ? -1 : stop;
}

function checkKey({ key }: FormatOptions): void {
  const isShown =
    key === undefined || key.kind === 'query' || key.kind === 'path' || key.kind === 'client_ip';
  if (isShown) return;
  throw new KeyhoundError('usage', `--key ${key.kind}: the load balancer does not log it`, {
    hint: 'Its log has no headers: use query:, path: or client_ip.',
  });
}

export const awsAlb: Format = Object.freeze({
  id: 'aws-alb',
  summary: 'AWS Application Load Balancer access log',
  framing: 'lines',
  gateway: 'alb',
  identity: 'claimed',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder(options: FormatOptions): Decoder {
    checkKey(options);
    return new AlbDecoder();
  },
  recognise(sample: Uint8Array) {
    const decoder = new AlbDecoder();
    const draft = createDraft();
    const lines = sampleLines(sample);
    const matching = lines.filter(({ start, end }) => {
      if (decoder.decode(sample, start, end, draft) !== REJECTION.ok) return false;
      const type = sample.subarray(start, wordEnd(sample, start, end));
      return TYPES.includes(String.fromCharCode(...type.subarray(0, 8)));
    });
    return byShare(
      matching.length,
      lines.length,
      'lines',
      'a type, a time, a client, two statuses, a request and a trace id of a load balancer',
      0.96,
    );
  },
});
