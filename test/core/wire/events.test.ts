import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { KeyhoundError } from '../../../core/errors.ts';
import { createEvent, NO_KEY, UNKNOWN_PLACE } from '../../../core/event.ts';
import {
  ATTEMPT,
  ATTEMPT_FLAG,
  BATCH,
  createAttempt,
  EVENT,
  EXACT,
  FLAG,
  ITEM,
  ITEMS_MAX,
  STREAM_STATES,
  type WireStream,
} from '../../../core/wire/layout.ts';
import { EventBatchReader } from '../../../core/wire/reader.ts';
import { EventBatchWriter } from '../../../core/wire/writer.ts';
import { anyBatch, read, write } from './any-batch.ts';
import { readBySchema, SCHEMA, schemaType } from './by-schema.ts';

const live = (name: string): WireStream => ({
  name,
  source: 'access-log',
  latenessMs: 60_000,
  state: 'live',
  latestAt: 1_772_359_200_123,
});
const KEY = Object.freeze({ id: 'kong:b1a4', digest0: 1, digest1: -2, digest2: 3, digest3: 4 });

test('every batch comes back exactly and in its order, one after the other', () => {
  const writer = new EventBatchWriter();
  const reader = new EventBatchReader();
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const bytes = write(writer, batch);
      assert.deepEqual(read(reader, bytes), batch);
      assert.equal(writer.take(), undefined);
    }),
    { numRuns: 500, seed: 21 },
  );
});

test('another reader of Protocol Buffers reads the same out of it, by the schema alone', () => {
  const writer = new EventBatchWriter();
  fc.assert(
    fc.property(anyBatch, (batch) => {
      assert.deepEqual(readBySchema(write(writer, batch)), batch);
    }),
    { numRuns: 300, seed: 22 },
  );
});

const TYPE = schemaType(SCHEMA);

/** The same message, written by protobufjs in the way that its schema says. */
function rewritten(bytes: Uint8Array, type: protobuf.Type): Uint8Array {
  return type.encode(TYPE.decode(bytes)).finish();
}

test('what another writer makes is read the same: packed or one by one, with fields to come', () => {
  const writer = new EventBatchWriter();
  const reader = new EventBatchReader();
  const oneByOne = SCHEMA.replaceAll(
    /^( {2}repeated (?:double|u?s?int\d\d|fixed\d\d|StreamState|ExactField) \w+ = \d+);/gm,
    '$1 [packed = false];',
  );
  assert.notEqual(oneByOne, SCHEMA);
  const single = schemaType(oneByOne);
  let different = 0;
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const bytes = write(writer, batch);
      assert.deepEqual(read(reader, rewritten(bytes, TYPE)), batch);
      const unpacked = rewritten(bytes, single);
      if (!Buffer.from(unpacked).equals(rewritten(bytes, TYPE))) different++;
      assert.deepEqual(read(reader, unpacked), batch);
    }),
    { numRuns: 200, seed: 23 },
  );
  assert.equal(different, 200);
});

test('fields that a later version adds are skipped, in every message', () => {
  const later = SCHEMA.replaceAll(
    /^message \w+ \{$/gm,
    '$&\n  double later_double = 100;\n  repeated uint64 later_list = 101;\n  string later_text = 102;\n  fixed32 later_word = 103;',
  );
  const added = {
    later_double: 1.5,
    later_list: [1, 2 ** 40],
    later_text: 'later',
    later_word: 7,
  };
  const type = schemaType(later);
  const reader = new EventBatchReader();
  const writer = new EventBatchWriter();
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const message = type.decode(write(writer, batch)) as unknown as Record<string, unknown>;
      const inner = ['streams', 'keys', 'places', 'routes', 'clients', 'networks', 'controls'];
      const messages = inner.flatMap((name) => message[name] as object[]);
      for (const table of ['events', 'attempts']) {
        if (Object.hasOwn(message, table)) messages.push(message[table] as object);
      }
      for (const target of [message, ...messages]) Object.assign(target, added);
      assert.deepEqual(read(reader, type.encode(message).finish()), batch);
    }),
    { numRuns: 100, seed: 24 },
  );
});

test('the numbers in the code are those of the schema', () => {
  const { root } = protobuf.parse(SCHEMA);
  const numbers = (name: string) => {
    const { fields } = root.lookupType(`keyhound.events.v1.${name}`);
    return Object.fromEntries(Object.values(fields).map((field) => [field.name, field.id]));
  };
  assert.deepEqual(numbers('EventBatch'), BATCH);
  assert.deepEqual(numbers('Events'), EVENT);
  assert.deepEqual(numbers('Attempts'), ATTEMPT);
  const { EventFlag, AttemptFlag, ExactField, StreamState } = Object.fromEntries(
    ['EventFlag', 'AttemptFlag', 'ExactField', 'StreamState'].map((name) => [
      name,
      root.lookupEnum(`keyhound.events.v1.${name}`).values,
    ]),
  );
  assert.equal(EventFlag?.['FLAG_FIRST'], FLAG.first);
  assert.equal(EventFlag?.['FLAG_MAY_ACT'], FLAG.mayAct);
  assert.equal(AttemptFlag?.['ATTEMPT_FIRST'], ATTEMPT_FLAG.first);
  assert.equal(ExactField?.['EXACT_FIELD_RESOURCE_NUMBER'], EXACT.resourceNumber);
  for (const [name, value] of Object.entries(StreamState ?? {})) {
    assert.equal(name, `STREAM_STATE_${STREAM_STATES[value]!.toUpperCase()}`);
  }
});

test('equal parts of two batches are the same objects, also where the bytes are a view of others', () => {
  const [one, two] = [new EventBatchWriter(), new EventBatchWriter()];
  const reader = new EventBatchReader();
  const seen = [one, two].map((writer, i) => {
    const event = { ...createEvent(), key: { ...KEY }, networkId: '203.0.113.0/24', network: 9 };
    event.place = { ...UNKNOWN_PLACE, country: 'DE', kind: 'public' };
    event.route = { template: '/v1/orders/{id}', code: 5 };
    event.client = { name: 'curl', code: 6 };
    writer.addEvent({ ...event, position: i }, live('a'), 0);
    const pool = Buffer.alloc(4096);
    const bytes = Buffer.from(writer.take()!);
    bytes.copy(pool, 100);
    reader.open(pool.subarray(100, 100 + bytes.length));
    assert.equal(reader.next(), ITEM.event);
    pool.fill(0);
    return { ...reader.event, stream: reader.streams[0] };
  });
  for (const part of ['key', 'place', 'route', 'client', 'stream'] as const) {
    assert.equal(seen[0]![part], seen[1]![part], part);
  }
  one.addEvent(createEvent(), live('a'), 0);
  reader.open(one.take()!);
  reader.next();
  assert.equal(reader.event.key, NO_KEY);
  assert.equal(reader.event.place, UNKNOWN_PLACE);
});

test('a batch without items is a heartbeat, told as things stand when it is taken', () => {
  const writer = new EventBatchWriter();
  const reader = new EventBatchReader();
  const stream = live('a');
  writer.heartbeat(stream);
  stream.state = 'ended';
  stream.latestAt = 1_772_359_300_000;
  assert.deepEqual(read(reader, writer.take()!), { streams: [stream], items: [] });
});

function sampleBatches(): Uint8Array[] {
  const writer = new EventBatchWriter();
  return fc.sample(anyBatch, { numRuns: 40, seed: 25 }).map((batch) => write(writer, batch));
}

/** Opens it, and reads to the end what opens: that may never fail, and never go on for ever. */
function tryRead(reader: EventBatchReader, bytes: Uint8Array): boolean {
  try {
    reader.open(bytes);
  } catch (error) {
    assert.ok(error instanceof KeyhoundError, String(error));
    assert.ok(error.code === 'event-damaged' || error.code === 'event-version');
    assert.equal(reader.next(), ITEM.none);
    return false;
  }
  let items = 0;
  for (let kind = reader.next(); kind !== ITEM.none; kind = reader.next()) {
    items++;
    const item = kind === ITEM.event ? reader.event : reader.attempt;
    assert.ok(Object.values(item).every((value) => value !== undefined));
    if (kind !== ITEM.control) assert.notEqual(reader.streams[item.stream], undefined);
  }
  assert.ok(items <= 3 * ITEMS_MAX);
  return true;
}

test('hostile bytes are refused or read, never a crash, a loop or an undefined part', () => {
  const reader = new EventBatchReader();
  const samples = sampleBatches();
  let refused = 0;
  const change = fc.record({
    sample: fc.nat(samples.length - 1),
    changes: fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0xff, 0x80, 0))), {
      minLength: 1,
      maxLength: 4,
    }),
    cutTo: fc.option(fc.nat(), { freq: 4 }),
  });
  fc.assert(
    fc.property(change, ({ sample, changes, cutTo }) => {
      const bytes = Uint8Array.from(samples[sample]!);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const length = cutTo === null ? bytes.length : cutTo % bytes.length;
      if (!tryRead(reader, bytes.subarray(0, length))) refused++;
    }),
    { numRuns: 5000, seed: 26 },
  );
  assert.ok(refused > 1000);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      tryRead(reader, bytes);
    }),
    { numRuns: 2000, seed: 27 },
  );
});

test('an index one behind the end of its dictionary is refused, in every column, whatever was read before', () => {
  const reader = new EventBatchReader();
  for (const batch of sampleBatches()) assert.ok(tryRead(reader, batch));
  const writer = new EventBatchWriter();
  const lists: Readonly<Record<string, string>> = {
    stream: 'streams',
    key: 'keys',
    place: 'places',
    route: 'routes',
    client: 'clients',
    network: 'networks',
    method: 'strings',
    consumer: 'strings',
    environment: 'strings',
  };
  const attempts = ['stream', 'network', 'consumer'];
  for (const [table, columns] of [
    ['events', Object.keys(lists)],
    ['attempts', attempts],
  ] as const) {
    for (const column of columns) {
      writer.addEvent(createEvent(), live('a'), 0);
      writer.addAttempt(createAttempt(), live('a'), 0);
      const message = TYPE.toObject(TYPE.decode(writer.take()!)) as Record<string, unknown[]>;
      const columnsOf = message[table] as unknown as Record<string, number[]>;
      assert.ok(tryRead(reader, TYPE.encode(message).finish()));
      columnsOf[column] = [(message[lists[column]!]?.length ?? 0) + 1];
      const bytes = TYPE.encode(message).finish();
      assert.throws(() => reader.open(bytes), /an index is out of range/, `${table}.${column}`);
      columnsOf[column] = [0];
      if (column === 'stream') {
        assert.throws(() => reader.open(TYPE.encode(message).finish()), /of no stream/);
      }
    }
  }
});

test('a batch with more parts than room is kept for is read whole, and so are those after it', () => {
  const reader = new EventBatchReader();
  const writer = new EventBatchWriter();
  for (const count of [3, 10_000, 3, 10_001]) {
    const consumers = Array.from({ length: count }, (_, i) => `consumer ${count} ${i}`);
    for (const consumer of consumers) {
      const event = createEvent();
      event.consumer = consumer;
      writer.addEvent(event, live('a'), 0);
    }
    reader.open(writer.take()!);
    const found: string[] = [];
    while (reader.next() === ITEM.event) found.push(reader.event.consumer);
    assert.deepEqual(found, consumers);
  }
});

test('more items than a batch may hold are refused before room is made for them', () => {
  const reader = new EventBatchReader();
  const out = protobuf.Writer.create().uint32(8).uint32(1).uint32(90);
  out
    .fork()
    .uint32(10)
    .bytes(new Uint8Array(8 * (ITEMS_MAX + 1)))
    .ldelim();
  assert.throws(() => reader.open(out.finish()), { code: 'event-damaged', message: /too many/ });
});

test('a newer format, and bytes without one, are told apart', () => {
  const reader = new EventBatchReader();
  assert.throws(() => reader.open(Uint8Array.of(8, 2)), { code: 'event-version' });
  assert.throws(() => reader.open(new Uint8Array(0)), { code: 'event-damaged' });
  assert.throws(() => reader.open(Buffer.from('{"at":1}')), { code: 'event-damaged' });
});

test('a full batch says so, refuses more, and can be read', () => {
  const writer = new EventBatchWriter();
  const stream = live('a');
  const event = createEvent();
  event.status = 0.5;
  event.bytesIn = -7;
  let added = 0;
  while (!writer.isFull) {
    event.position = added;
    writer.addEvent(event, stream, added++);
  }
  assert.throws(() => writer.addEvent(event, stream, 0), /at most/);
  assert.equal(writer.events, added);
  assert.ok(writer.bytes > added);
  const reader = new EventBatchReader();
  reader.open(writer.take()!);
  assert.equal(reader.events, added);
  while (reader.next() === ITEM.event) added--;
  assert.equal(added, 0);
  assert.deepEqual([reader.event.status, reader.event.bytesIn], [0.5, -7]);
});
