/** Any items of a batch, what a writer makes of them, and what a reader hands out, side by side. */
import fc from 'fast-check';
import { type ApiEvent, copyEvent, createEvent } from '../../../core/event.ts';
import type { SourceState } from '../../../core/source.ts';
import {
  type Attempt,
  ITEM,
  type WireControl,
  type WireStream,
} from '../../../core/wire/layout.ts';
import type { EventBatchReader } from '../../../core/wire/reader.ts';
import type { EventBatchWriter } from '../../../core/wire/writer.ts';
import { anyEvent, text, word } from '../any-event.ts';

const STREAMS = 3;
const STATES = ['starting', 'live', 'silent', 'ended', 'failed'] as const;
const plain = { noNullPrototype: true };
const stream = fc.nat(STREAMS - 1);
const position = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(-1, 0, 2 ** 53 - 2));
const latestSecond = fc.oneof(
  fc.integer({ min: -(2 ** 44), max: 2 ** 44 }),
  fc.integer({ min: 1_772_359_200, max: 1_772_359_210 }),
  fc.constant(Number.NEGATIVE_INFINITY),
);
const event = fc.record(
  { kind: fc.constant('event' as const), anyEvent, stream, position, latestSecond },
  plain,
);
const attempt = fc.record(
  {
    kind: fc.constant('attempt' as const),
    latestSecond,
    attempt: fc.record(
      {
        at: fc.double({ noNaN: true }),
        network: word,
        networkId: text,
        member: word,
        failed: fc.boolean(),
        consumer: text,
        stream,
        position,
      },
      plain,
    ),
  },
  plain,
);
const control = fc.record(
  {
    kind: fc.constant('control' as const),
    control: fc.record(
      { sequence: fc.maxSafeNat(), body: fc.uint8Array({ maxLength: 200 }) },
      plain,
    ),
  },
  plain,
);
const anyStream: fc.Arbitrary<WireStream> = fc.record(
  {
    name: text,
    source: text,
    latenessMs: fc.nat(1_200_000),
    state: fc.constantFrom(...STATES) as fc.Arbitrary<SourceState>,
    latestAt: fc.oneof(fc.double({ noNaN: true }), fc.constant(Number.NEGATIVE_INFINITY)),
  },
  plain,
);

export type AnyItem =
  | { kind: 'event'; event: ApiEvent; latestSecond: number }
  | { kind: 'attempt'; attempt: Attempt; latestSecond: number }
  | { kind: 'control'; control: WireControl };

export interface AnyBatch {
  readonly streams: readonly WireStream[];
  readonly items: readonly AnyItem[];
}

const anyItem: fc.Arbitrary<AnyItem> = fc.oneof(
  {
    weight: 5,
    arbitrary: event.map((made) => ({
      kind: made.kind,
      latestSecond: made.latestSecond,
      event: { ...made.anyEvent, stream: made.stream, position: made.position },
    })),
  },
  { weight: 2, arbitrary: attempt },
  { weight: 1, arbitrary: control },
);

export const anyBatch: fc.Arbitrary<AnyBatch> = fc.record(
  {
    streams: fc.array(anyStream, { minLength: STREAMS, maxLength: STREAMS }),
    items: fc.array(anyItem, { maxLength: 12 }),
  },
  plain,
);

/** Adds all of it: every stream has a heartbeat, in order, so indexes stay what they are. */
export function write(writer: EventBatchWriter, { streams, items }: AnyBatch): Uint8Array {
  for (const stream of streams) writer.heartbeat(stream);
  for (const item of items) {
    if (item.kind === 'event') {
      writer.addEvent(item.event, streams[item.event.stream]!, item.latestSecond);
    } else if (item.kind === 'attempt') {
      writer.addAttempt(item.attempt, streams[item.attempt.stream]!, item.latestSecond);
    } else writer.addControl(item.control);
  }
  return writer.take()!;
}

export function read(reader: EventBatchReader, bytes: Uint8Array): AnyBatch {
  reader.open(bytes);
  const items: AnyItem[] = [];
  for (let kind = reader.next(); kind !== ITEM.none; kind = reader.next()) {
    const { latestSecond } = reader;
    if (kind === ITEM.event) {
      const event = createEvent();
      copyEvent(reader.event, event);
      items.push({ kind: 'event', event, latestSecond });
    } else if (kind === ITEM.attempt) {
      items.push({ kind: 'attempt', attempt: { ...reader.attempt }, latestSecond });
    } else items.push({ kind: 'control', control: reader.control });
  }
  const streams = reader.streams.map((stream, i) => ({
    ...stream,
    state: reader.streamState(i),
    latestAt: reader.latestAt(i),
  }));
  return { streams, items };
}
