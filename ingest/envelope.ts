/**
 * What carries a log may wrap each record: syslog, a container runtime, a shipper. An envelope says where in it the
 * record is, for every format alike, once for a source: a format whose records are not wrapped knows nothing of it.
 *
 *   envelope = "syslog" | "cri" | "docker" | "time" | "field:" dotted-path
 *
 * What is outside the record was written by the carrier, never by a client: a header ends where its own grammar says,
 * and a member counts at its own depth only. A record without its envelope is not read.
 */
import { KeyhoundError } from '../core/errors.ts';
import {
  type Decoder,
  type Format,
  type FormatOptions,
  type Framing,
  REJECTION,
} from '../core/format.ts';
import { type RecordDraft, resetDraft } from '../core/record.ts';
import { suggest } from '../core/suggest.ts';
import { END_OF, KIND, START_OF } from './json-paths.ts';
import { isBlank } from './json-read.ts';
import { JsonScanner } from './json-scan.ts';
import { createPiece } from './piece.ts';
import { dottedPath } from './raw-key.ts';
import { Scratch } from './scratch.ts';
import { SyslogMessage } from './syslog-message.ts';
import { unescapeJson } from './unescape.ts';

export interface Envelope {
  /** As in the configuration. */
  readonly id: string;
  /** In words: "lines of a container (CRI)". */
  readonly what: string;
  readonly framing: Framing;
  createOpener(): Opener;
}

/** Finds the record: bytes[from, to), valid until the next call. */
export interface Opener {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** Written to stderr: what a program says of itself, unless it is a record. */
  readonly isAside?: boolean;
  /** False when bytes[start, end) is no such envelope. */
  open(bytes: Uint8Array, start: number, end: number): boolean;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const DASH = 0x2d;
const LETTER_T = 0x54;
const TIME_LENGTH_MIN = 20;
const NOTHING = new Uint8Array(0);

class SyslogOpener implements Opener {
  bytes: Uint8Array = NOTHING;
  from = 0;
  to = 0;
  readonly #message = new SyslogMessage();

  open(bytes: Uint8Array, start: number, end: number): boolean {
    const message = this.#message;
    message.readLine(bytes, start, end);
    this.bytes = bytes;
    this.from = message.from;
    this.to = message.to;
    return message.isHeaded;
  }
}

/** `kubectl logs --timestamps`, `docker logs -t`, an export of CloudWatch Logs: an RFC 3339 time and a space. */
class TimeOpener implements Opener {
  bytes: Uint8Array = NOTHING;
  from = 0;
  to = 0;

  open(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes[start + 4] !== DASH || bytes[start + 10] !== LETTER_T) return false;
    let i = start;
    while (i < end && bytes[i] !== SPACE) i++;
    this.bytes = bytes;
    this.from = i + 1;
    this.to = end;
    return i - start >= TIME_LENGTH_MIN && i < end;
  }
}

/** The pieces of a line, put together. */
class PieceOpener implements Opener {
  bytes: Uint8Array = NOTHING;
  from = 0;
  to = 0;
  isAside = false;
  readonly #piece;
  readonly #isJson: boolean;
  readonly #scratch = new Scratch();

  constructor(framing: 'cri' | 'docker') {
    this.#piece = createPiece(framing);
    this.#isJson = framing === 'docker';
  }

  open(bytes: Uint8Array, start: number, end: number): boolean {
    const piece = this.#piece;
    const first = lineEnd(bytes, start, end);
    if (!piece.read(bytes, start, first)) return false;
    const { stream } = piece;
    this.isAside = stream === 1;
    if (!this.#isJson && piece.isLast) {
      this.bytes = bytes;
      this.from = piece.from;
      this.to = piece.to;
      return true;
    }
    this.#scratch.reset();
    this.#append(bytes);
    for (let at = first + 1; at < end && !piece.isLast; ) {
      const to = lineEnd(bytes, at, end);
      // What the other stream wrote in between is a record of its own.
      if (piece.read(bytes, at, to) && piece.stream === stream) this.#append(bytes);
      else piece.isLast = false;
      at = to + 1;
    }
    this.bytes = this.#scratch.bytes;
    this.from = 0;
    this.to = this.#scratch.length;
    return piece.isLast;
  }

  #append(bytes: Uint8Array): void {
    const { from, to } = this.#piece;
    if (this.#isJson) appendText(bytes, from, to, this.#scratch);
    else this.#scratch.append(bytes, from, to);
  }
}

/** A member of a JSON object: a string that holds the record, or the record as an object. */
class MemberOpener implements Opener {
  bytes: Uint8Array = NOTHING;
  from = 0;
  to = 0;
  readonly #scanner: JsonScanner;
  readonly #slots: readonly number[];
  readonly #scratch = new Scratch();

  constructor(text: string) {
    const path = dottedPath(text);
    // Some write the whole path as one name.
    const paths = path.length > 1 ? [path, [path.join('.')]] : [path];
    this.#scanner = new JsonScanner(paths.map((wanted) => ({ path: wanted })));
    this.#slots = paths.map((wanted) => this.#scanner.slot(...wanted));
  }

  open(bytes: Uint8Array, start: number, end: number): boolean {
    const { found } = this.#scanner;
    if (!this.#scanner.scan(bytes, start, end)) return false;
    const slot = this.#slots.find((wanted) => HOLDS_RECORD.includes(found[wanted]!));
    if (slot === undefined) return false;
    this.bytes = bytes;
    this.from = found[slot + START_OF]!;
    this.to = found[slot + END_OF]!;
    if (found[slot] === KIND.escaped) this.#unescape(bytes);
    return true;
  }

  #unescape(bytes: Uint8Array): void {
    const scratch = this.#scratch;
    scratch.reset();
    appendText(bytes, this.from, this.to, scratch);
    this.bytes = scratch.bytes;
    this.from = 0;
    this.to = scratch.length;
    // Some carriers keep the end of the line.
    while (this.to > 0 && this.bytes[this.to - 1]! <= SPACE) this.to--;
  }
}

const HOLDS_RECORD: readonly number[] = [KIND.string, KIND.escaped, KIND.object];

function appendText(bytes: Uint8Array, from: number, to: number, scratch: Scratch): void {
  scratch.reserve(to - from);
  scratch.length = unescapeJson(bytes, from, to, scratch.bytes, scratch.length);
}

/** Index of the newline, or `end`. */
function lineEnd(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  while (i < end && bytes[i] !== NEWLINE) i++;
  return i;
}

class EnvelopeDecoder implements Decoder {
  readonly #opener: Opener;
  readonly #inner: Decoder;
  readonly #isLine: boolean;

  constructor(opener: Opener, inner: Decoder, framing: Framing) {
    this.#opener = opener;
    this.#inner = inner;
    this.#isLine = framing === 'lines';
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const opener = this.#opener;
    if (!opener.open(bytes, start, end)) {
      resetDraft(draft, bytes);
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    const { from, to } = opener;
    // Two lines in one record: formats of lines trust that there is none.
    if (this.#isLine && lineEnd(opener.bytes, from, to) < to) {
      resetDraft(draft, bytes);
      return REJECTION.malformed;
    }
    const outcome = this.#inner.decode(opener.bytes, from, to, draft);
    return outcome === REJECTION.malformed && opener.isAside ? REJECTION.ignored : outcome;
  }
}

/** The format as it is when each of its records is wrapped. */
export function enveloped(format: Format, envelope: Envelope | undefined): Format {
  if (envelope === undefined) return format;
  return Object.freeze({
    ...format,
    framing: envelope.framing,
    envelope: envelope.id,
    createDecoder: (options: FormatOptions): Decoder =>
      new EnvelopeDecoder(envelope.createOpener(), format.createDecoder(options), format.framing),
  });
}

/** What writes a header of its own before each record, or after. */
export const CARRIERS: readonly Envelope[] = Object.freeze([
  {
    id: 'cri',
    what: 'the log of a container (CRI)',
    framing: 'cri',
    createOpener: () => new PieceOpener('cri'),
  },
  {
    id: 'docker',
    what: 'the log of a container (Docker json-file)',
    framing: 'docker',
    createOpener: () => new PieceOpener('docker'),
  },
  {
    id: 'syslog',
    what: 'lines with a syslog header',
    framing: 'lines',
    createOpener: () => new SyslogOpener(),
  },
  {
    id: 'time',
    what: 'lines with a time in front',
    framing: 'lines',
    createOpener: () => new TimeOpener(),
  },
]);

function member(path: string): Envelope {
  return {
    id: `field:${path}`,
    what: `JSON that holds it in ${path}`,
    framing: 'events',
    createOpener: () => new MemberOpener(path),
  };
}

/** Where shippers and exports keep the original record; the innermost first where one product has several. */
export const MEMBERS: readonly Envelope[] = Object.freeze(
  [
    // aws cloudtrail lookup-events.
    'CloudTrailEvent',
    // Elastic documents: of an integration, of Filebeat, of whoever indexed the record as it was.
    'event.original',
    '_source.event.original',
    '_source.message',
    '_source',
    // Splunk: search exports, the HTTP event collector.
    'result._raw',
    '_raw',
    'event',
    // CloudWatch Logs, Filebeat, Vector; Fluent Bit; journalctl -o json; logcli.
    'message',
    'log',
    'MESSAGE',
    'line',
    // Google Cloud Logging, Azure Container Insights.
    'textPayload',
    'jsonPayload',
    'LogMessage',
  ].map(member),
);

/** Throws a usage error that names the nearest right word. */
export function envelopeById(id: string): Envelope {
  const carrier = CARRIERS.find((known) => known.id === id);
  if (carrier !== undefined) return carrier;
  const path = /^field:(.+)$/.exec(id)?.[1];
  if (path !== undefined && dottedPath(path).length > 0) return member(path);
  const ids = CARRIERS.map((known) => known.id);
  const nearest = suggest(id, ids);
  throw new KeyhoundError(
    'usage',
    `"${id}" is no envelope.${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`,
    { code: 'unknown-envelope', hint: `Envelopes: ${ids.join(', ')}, field:PATH.` },
  );
}
