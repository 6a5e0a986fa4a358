/**
 * Contract of a log format: record bytes → draft | rejection with a reason. Pure, never throws.
 *
 * A new format is one file in ingest/formats/, one fixture folder and one line of the list.
 */
import type { KeySpec } from './key-spec.ts';
import type { RecordDraft } from './record.ts';

/** Why a record was not read. The list is closed: metrics and docs name every one. */
export const REJECTIONS = [
  /** Decoded; not an error. Index 0 so that `decode` answers a number. */
  'ok',
  /** The bytes are not a record of this format. */
  'malformed',
  /** Readable, but without a usable time. */
  'no-time',
  /** Readable, but names no key: not a use of a key. Counted, never a dead letter. */
  'no-key',
  /** Two different keys in one record. */
  'ambiguous-key',
  /** Longer than the limit for one record. */
  'too-long',
  /** More than 5 minutes ahead of the wall clock (live only). */
  'future',
  /** Not a record at all, and meant so: blank line, comment, a control message of the sender. */
  'ignored',
] as const;
export type Rejection = (typeof REJECTIONS)[number];
export const REJECTION = {
  ok: 0,
  malformed: 1,
  noTime: 2,
  noKey: 3,
  ambiguousKey: 4,
  tooLong: 5,
  future: 6,
  ignored: 7,
} as const;

/**
 * How records are cut out of a byte stream. `json`: lines, arrays, `{"Records":[…]}`, pretty-printed. `events`: the
 * same, and `{"Events":[…]}`, `events`, `logEvents`. `cri`, `docker`: lines of a container, and a record is all pieces
 * of one.
 */
export type Framing = 'lines' | 'json' | 'events' | 'cri' | 'docker';

export interface FormatOptions {
  /** Where the key is, when the format does not say or the user knows better. */
  readonly key?: KeySpec | undefined;
  /** nginx: the `log_format` string pasted from nginx.conf. */
  readonly logFormat?: string | undefined;
  /** json: field mapping, our field name → dotted path in the record. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** haproxy: IANA zone of the dates in `httplog`, which name none. Default UTC. */
  readonly timeZone?: string | undefined;
  /**
   * Header and query names that may carry a raw key, lower case. Default `apikey`, `x-api-key`, `api_key`,
   * `api-key`, `subscription-key`.
   */
  readonly keyNames?: readonly string[] | undefined;
}

export interface Decoder {
  /**
   * Reads the record at bytes[start, end) into the draft (which it resets first) and answers an index of
   * REJECTIONS. Never throws, never writes to `bytes`. Ranges in the draft are valid until the next call.
   */
  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number;
}

export interface Recognition {
  /** 0: not this format; 1: certain. The highest wins, ties by order of the list. */
  readonly confidence: number;
  /** In words: "17 of 20 lines have client_ip, started_at and request.method". */
  readonly why: string;
}

export interface Format {
  readonly id: string;
  /** One line for `--help` and docs. */
  readonly summary: string;
  readonly framing: Framing;
  /** What its records are wrapped in, as the source names it (ingest/envelope.ts). Of no format by itself. */
  readonly envelope?: string;
  /** Prefix of key ids made from the gateway's credential id. */
  readonly gateway: string;
  /** `attested`: the gateway says that it checked the key. `claimed`: a client wrote it. `record`: each record says. */
  readonly identity: 'attested' | 'claimed' | 'record';
  /** Events may arrive this long after a younger one, ms. Later than that: counted, not learned. */
  readonly latenessMs: number;
  /** Who makes the request id. Only the gateway's own drops duplicates. */
  readonly requestId: 'gateway' | 'client' | 'none';
  /** True when `options.logFormat` or `options.fields` is needed. */
  readonly needs?: 'logFormat' | 'fields';
  /** Throws a KeyhoundError of kind `usage` when the options make no sense. */
  createDecoder(options: FormatOptions): Decoder;
  /** Judges the first bytes of a file (at most 64 KiB, whole lines where possible). */
  recognise(sample: Uint8Array): Recognition;
}
