/**
 * A raw record as a format has read it: numbers, and byte ranges for everything that is text.
 *
 * One RecordDraft is reused for every record of a decoder, so nothing in it outlives the next `decode`.
 * A range points into `bytes` (the caller's buffer, untouched) or, where the text had to be unescaped or
 * was built, into `scratch` (the decoder's own buffer). No string is made on this path.
 */

/** Text fields of a record. The value is the index into `start`, `end` and `inScratch`. */
export const FIELD = {
  /** The gateway's own id of the credential. Not secret. */
  credentialId: 0,
  /** The raw key as the client sent it, before `bearer`, `basic`, `jwt` … are taken apart. Secret. */
  rawKey: 1,
  /** Tenant or user that owns the key, as the gateway names it. */
  consumer: 2,
  /** Address the gateway saw, possibly with a port. */
  clientAddress: 3,
  /** X-Forwarded-For as received: client-controlled on the left. */
  forwardedFor: 4,
  method: 5,
  /** Path with query, or a full URL. May hold a raw key. */
  target: 6,
  /** Name of the route where the gateway has one. */
  route: 7,
  userAgent: 8,
  origin: 9,
  /** Request id; `Format.requestId` says who made it. */
  requestId: 10,
  /** Sec-Fetch-Site, which browsers send and scripts cannot set. */
  secFetch: 11,
} as const;
export type FieldName = keyof typeof FIELD;
export const FIELD_COUNT = 12;

/** What the record says about authentication. `unknown`: the format cannot tell. */
export const AUTH = { unknown: 0, ok: 1, failed: 2, none: 3 } as const;
export type Auth = (typeof AUTH)[keyof typeof AUTH];

/** Who refused the request for its rate: nobody, the gateway's own limiter, or Keyhound. */
export const LIMITED_BY = { nobody: 0, gateway: 1, keyhound: 2 } as const;
export type LimitedBy = (typeof LIMITED_BY)[keyof typeof LIMITED_BY];

/** Place that the edge itself wrote into the record (contracts.md, `place`). */
export interface EdgePlace {
  country: string;
  region: string;
  city: string;
  latitude: number;
  longitude: number;
  radiusKm: number;
  asn: number;
}

export interface RecordDraft {
  bytes: Uint8Array;
  scratch: Uint8Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** 1 where the range points into `scratch`. */
  readonly inScratch: Uint8Array;
  /** Begin of the request, epoch ms; NaN when the record has none. */
  at: number;
  auth: Auth;
  limitedBy: LimitedBy;
  /** HTTP status; 0 when the log has none, -1 when what stands there is none. */
  status: number;
  /** Milliseconds; -1 when absent. */
  durationMs: number;
  /** Bytes; -1 when absent. */
  bytesIn: number;
  bytesOut: number;
  place: EdgePlace | undefined;
  /** What enrichment found out while it looked ahead (HINT); 0: nothing yet. */
  readonly hints: Int32Array;
}

/** Indexes into `hints`. They speed things up and change nothing: all zero is right, too. */
export const HINT = {
  /** Hash of the client's address field. */
  address: 0,
  /** Hash of what the key is looked up by: its fields together, or the query parameter. */
  key: 1,
  /** Range of the query parameter that holds the key, in the target's bytes; from -1: there is none. */
  parameterFrom: 2,
  parameterTo: 3,
} as const;
export const HINT_COUNT = 4;

export function createDraft(): RecordDraft {
  return {
    bytes: EMPTY,
    scratch: EMPTY,
    start: new Int32Array(FIELD_COUNT),
    end: new Int32Array(FIELD_COUNT),
    inScratch: new Uint8Array(FIELD_COUNT),
    at: Number.NaN,
    auth: AUTH.unknown,
    limitedBy: LIMITED_BY.nobody,
    status: 0,
    durationMs: -1,
    bytesIn: -1,
    bytesOut: -1,
    place: undefined,
    hints: new Int32Array(HINT_COUNT),
  };
}

/** Empties a draft before the next record. Every text field becomes absent (start -1). */
export function resetDraft(draft: RecordDraft, bytes: Uint8Array): void {
  draft.bytes = bytes;
  // A loop: fill() costs more than it saves on so few fields.
  for (let field = 0; field < FIELD_COUNT; field++) {
    draft.start[field] = -1;
    draft.inScratch[field] = 0;
  }
  draft.at = Number.NaN;
  draft.auth = AUTH.unknown;
  draft.limitedBy = LIMITED_BY.nobody;
  draft.status = 0;
  draft.durationMs = -1;
  draft.bytesIn = -1;
  draft.bytesOut = -1;
  draft.place = undefined;
  for (let hint = 0; hint < HINT_COUNT; hint++) draft.hints[hint] = 0;
}

export function hasField(draft: RecordDraft, field: number): boolean {
  return draft.start[field]! >= 0;
}

/** The buffer that a field's range points into. */
export function fieldBytes(draft: RecordDraft, field: number): Uint8Array {
  return draft.inScratch[field] === 1 ? draft.scratch : draft.bytes;
}

/** A field as a string ('' when absent). Allocates: for cold paths and cache misses only. */
export function fieldText(draft: RecordDraft, field: number): string {
  const start = draft.start[field]!;
  if (start < 0) return '';
  return DECODER.decode(fieldBytes(draft, field).subarray(start, draft.end[field]!));
}

const EMPTY = new Uint8Array(0);
const DECODER = new TextDecoder();
