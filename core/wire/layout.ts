/**
 * Field numbers of core/wire/events.proto, and the types in which its items are handed over. The file is the
 * documentation; the numbers here must be the same, which the tests prove through another implementation.
 */
import { KeyhoundError } from '../errors.ts';
import type { SourceState } from '../source.ts';

export const WIRE_FORMAT = 1;

/** Items of one kind in a batch, at most. */
export const ITEMS_MAX = 65_536;

export const BATCH = {
  format: 1,
  streams: 2,
  keys: 3,
  places: 4,
  routes: 5,
  clients: 6,
  networks: 7,
  strings: 8,
  streamLatestAt: 9,
  streamStates: 10,
  events: 11,
  attempts: 12,
  controls: 13,
  order: 14,
} as const;

/** Columns that events and attempts share have the same numbers in both. */
export const COLUMN = {
  at: 1,
  stream: 2,
  position: 3,
  latestSecond: 4,
  flags: 5,
} as const;

export const EVENT = {
  ...COLUMN,
  key: 6,
  place: 7,
  route: 8,
  client: 9,
  network: 10,
  method: 11,
  consumer: 12,
  environment: 13,
  status: 14,
  durationMs: 15,
  bytesIn: 16,
  bytesOut: 17,
  resource: 18,
  resourceNumber: 19,
  scopeBreaches: 20,
  fingerprint: 21,
  exactEvent: 22,
  exactField: 23,
  exactValue: 24,
} as const;

export const ATTEMPT = { ...COLUMN, network: 6, member: 7, consumer: 8 } as const;

export const FLAG = {
  attested: 1,
  mayAct: 2,
  fromBrowser: 4,
  authShift: 3,
  limitedByShift: 5,
  first: 128,
} as const;

export const ATTEMPT_FLAG = { failed: 1, first: 128 } as const;

export const EXACT = { status: 1, bytesIn: 2, bytesOut: 3, resourceNumber: 4 } as const;

/** Whole amounts up to here stand in their column as they are; others are exceptions. */
export const AMOUNT_MAX = Number.MAX_SAFE_INTEGER - 1;
export const STATUS_MAX = 0xffff_ffff;

export const STREAM_STATES: readonly (SourceState | 'unspecified')[] = [
  'unspecified',
  'starting',
  'live',
  'silent',
  'ended',
  'failed',
];
export const PLACE_KINDS = ['unknown', 'public', 'private'] as const;

/** Kinds of items, as they stand in `order`, in two bits. */
export const ITEM = { event: 0, attempt: 1, control: 2, none: 3 } as const;
export type ItemKind = (typeof ITEM)[keyof typeof ITEM];

/** A stream as consumers of the topic know it. */
export interface StreamIdentity {
  readonly name: string;
  readonly source: string;
  readonly latenessMs: number;
}

/** A stream as its producer has it; a batch tells what stands here when it is taken. */
export interface WireStream extends StreamIdentity {
  state: SourceState;
  /** Latest event time met, over all partitions, epoch ms; -Infinity before the first. */
  latestAt: number;
}

/** A result of authentication, for the network it came from. */
export interface Attempt {
  /** Epoch ms. */
  at: number;
  /** Stable 32-bit hash of the network, and the network as text. */
  network: number;
  networkId: string;
  /** Stable 32-bit hash of the key that was tried. */
  member: number;
  failed: boolean;
  /** '' when the record names none. */
  consumer: string;
  /** Index of the stream: of the batch's streams once it was read. */
  stream: number;
  position: number;
}

export function createAttempt(): Attempt {
  const nothing = { network: 0, networkId: '', member: 0, failed: false, consumer: '' };
  return { at: 0, ...nothing, stream: 0, position: -1 };
}

export interface WireControl {
  readonly sequence: number;
  /** JSON. */
  readonly body: Uint8Array;
}

export function damagedBatch(what: string): KeyhoundError {
  return new KeyhoundError('operating', `a batch of events is damaged: ${what}`, {
    code: 'event-damaged',
    hint: 'It was not written by Keyhound, or not stored as it was written.',
  });
}

export function otherFormat(format: number): KeyhoundError {
  return new KeyhoundError('operating', `a batch of events of format ${format} was found`, {
    code: 'event-version',
    hint: `This Keyhound reads format ${WIRE_FORMAT}: start the newer one that wrote it.`,
  });
}
