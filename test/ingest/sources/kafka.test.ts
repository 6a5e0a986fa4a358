import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  OwnedPartition,
  PartitionConsumer,
  PartitionLag,
  PartitionOwner,
  ReceivedMessage,
} from '../../../core/broker.ts';
import type { Framing } from '../../../core/format.ts';
import type { RecordBatch, StreamPosition } from '../../../core/source.ts';
import type { DeadLetter } from '../../../core/store.ts';
import { EventReader } from '../../../ingest/reader.ts';
import { createKafkaSource, type KafkaSource } from '../../../ingest/sources/kafka.ts';
import type { PoisonMessage } from '../../../ingest/sources/kafka-batch.ts';
import { NextOffsets } from '../../../ingest/sources/kafka-positions.ts';
import { never, recordsOf, toyJson, toyReader } from '../toy.ts';

const EPOCH = 2 ** 36;

/** A group with one member, whose messages come when the test says so. */
class Membership implements PartitionConsumer {
  readonly failing = Promise.withResolvers<Error>();
  readonly failed = this.failing.promise;
  readonly owned = new Map<number, OwnedPartition>();
  ends: PartitionLag[] = [];
  closed = false;
  owner: PartitionOwner | undefined;
  onRebalance: (partitions: readonly number[]) => void = () => {};

  lag = () => this.ends;
  trouble = () => (this.closed ? 'closed' : undefined);
  close = async () => {
    this.closed = true;
  };

  async assign(...partitions: number[]): Promise<void> {
    this.onRebalance(partitions);
    for (const partition of partitions) {
      this.owned.set(partition, await this.owner!.open(partition));
    }
  }

  deliver(partition: number, values: Readonly<Record<number, string>>): Promise<void> {
    return this.owned.get(partition)!.apply(
      Object.entries(values).map(
        ([offset, value]): ReceivedMessage => ({
          key: null,
          value: Buffer.from(value),
          offset: Number(offset),
          timestamp: 0,
        }),
      ),
    );
  }
}

function open(framing: Framing, saved: readonly StreamPosition[] = [], recordBytesMax = 1000) {
  const membership = new Membership();
  const poison: PoisonMessage[] = [];
  const clock = { at: 0, now: () => clock.at };
  const offsets = new NextOffsets(saved);
  const source: KafkaSource = createKafkaSource({
    name: 'gateway',
    topics: ['logs'],
    framing,
    recordBytesMax,
    offsets,
    clock,
    join: (_, owner, onRebalance) => Object.assign(membership, { owner, onRebalance }),
    onPoison: (message) => poison.push(message),
  });
  return { membership, poison, clock, source, offsets };
}

function textsOf(batch: RecordBatch): string[] {
  return recordsOf(batch).map(({ text }) => text);
}

function placed(batch: RecordBatch) {
  const { stream, nextPosition, ended, count, positions } = batch;
  return { stream, nextPosition, ended, at: [...positions.subarray(0, count)] };
}

test('a value is an object, an array, wrapped records, or lines; positions tell all apart', async () => {
  const { membership, source } = open('json');
  await membership.assign(0);
  assert.deepEqual(placed(await source.read(never)), {
    stream: 'kafka:logs/0@0',
    nextPosition: 0,
    ended: false,
    at: [],
  });
  const applied = membership.deliver(0, {
    3: '{"a":1}',
    4: '[{"a":2},{"a":3}]',
    7: '{"records":[{"a":4},\n{"a":5}]}',
    8: '{"a":6}\n{"a":7}\r\n',
    9: '',
    10: '\ufeff{\n  "a":8\n}',
  });
  const batch = await source.read(never);
  const bodies = textsOf(batch).map((text) => (JSON.parse(text) as { a: number }).a);
  assert.deepEqual(bodies, [1, 2, 3, 4, 5, 6, 7, 8]);
  const at = (offset: number, index = 0) => offset * 65_536 + index;
  assert.deepEqual(placed(batch), {
    stream: 'kafka:logs/0@0',
    nextPosition: at(11),
    ended: false,
    at: [at(3), at(4), at(4, 1), at(7), at(7, 1), at(8), at(8, 1), at(10)],
  });
  let settled = false;
  void applied.then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  assert.equal(settled, false, 'applied before the records were');
  const abort = new AbortController();
  const reading = source.read(abort.signal);
  await applied;
  assert.equal(membership.owned.get(0)!.savedOffset(), 11);
  abort.abort();
  await assert.rejects(reading, { name: 'AbortError' });
});

test('goes on after what is saved; a partition that nothing is saved of begins at the earliest', async () => {
  const position = 7 * 65_536;
  const saved = ['kafka:logs/1@0', 'kafka:logs/1@2', 'kafka:other/3@0', 'file:17-a'].map(
    (stream) => ({ stream, source: 'gateway', position, finished: true }),
  );
  const { membership } = open('lines', [
    ...saved,
    { stream: 'kafka:logs/2@0', source: 'gateway', position: 0, finished: false },
    { stream: 'kafka:logs/4@1', source: 'gateway', position: EPOCH * 65_536, finished: true },
  ]);
  await membership.assign(0, 1, 2, 3, 4);
  const next = [...membership.owned.values()].map(({ nextOffset }) => nextOffset);
  assert.deepEqual(next, ['earliest', 2 * EPOCH + 7, 'earliest', 'earliest', 2 * EPOCH]);
});

test('a stream ends where its epoch does, also where a hole lies over the end', async () => {
  for (const last of [EPOCH - 1, EPOCH - 5]) {
    const position = last * 65_536;
    const saved = [{ stream: 'kafka:logs/0@0', source: 'gateway', position, finished: false }];
    const { membership, source, offsets } = open('lines', saved);
    await membership.assign(0);
    await source.read(never);
    void membership.deliver(0, { [last]: 'a', [EPOCH + 2]: 'b' });
    const batches = [await source.read(never), await source.read(never), await source.read(never)];
    assert.deepEqual(batches.map(placed).slice(1), [
      { stream: 'kafka:logs/0@0', nextPosition: EPOCH * 65_536, ended: true, at: [] },
      { stream: 'kafka:logs/0@1', nextPosition: 3 * 65_536, ended: false, at: [2 * 65_536] },
    ]);
    assert.equal(offsets.get('logs', 0), last + 1);
  }
});

test('all partitions are announced before the first record, in whatever order they are read', async () => {
  const { membership, source } = open('lines');
  await membership.assign(0, 1, 2);
  void membership.deliver(2, { 0: 'a' });
  const seen: string[] = [];
  for (let i = 0; i < 4; i++) {
    const batch = await source.read(never);
    seen.push(`${batch.stream} ${textsOf(batch).join()}`);
  }
  const announced = [0, 1, 2].map((partition) => `kafka:logs/${partition}@0 `);
  assert.deepEqual(seen, [...announced, 'kafka:logs/2@0 a']);
});

test('what has nothing left to read, and what went to another, lets go of the watermark', async () => {
  const { membership, source, clock } = open('lines');
  await membership.assign(0, 1, 2);
  for (let i = 0; i < 3; i++) await source.read(never);
  void membership.deliver(0, { 0: 'a' });
  await source.read(never);
  membership.ends = [
    { partition: 0, position: 1, end: 1 },
    { partition: 1, position: 0, end: 9 },
  ];
  membership.onRebalance([0, 1]);
  const gone = await source.read(never);
  assert.deepEqual([gone.stream, gone.ended], ['kafka:logs/2@0', true]);
  clock.at += 5000;
  const idle = await source.read(never);
  assert.deepEqual(placed(idle), {
    stream: 'kafka:logs/0@0',
    nextPosition: 65_536,
    ended: true,
    at: [],
  });
  void membership.deliver(0, { 1: 'b' });
  const again = await source.read(never);
  assert.deepEqual([again.stream, textsOf(again)], ['kafka:logs/0@0', ['b']]);
});

test('a large chunk is handed on in parts, and counts as applied when the last is', async () => {
  const { membership, source } = open('lines');
  await membership.assign(0);
  await source.read(never);
  const value = 'x'.repeat(600_000);
  let applied = false;
  const chunk = membership.deliver(0, { 0: value, 1: value, 2: value, 3: 'end' }).then(() => {
    applied = true;
  });
  const batches = [await source.read(never), await source.read(never)];
  assert.deepEqual(
    batches.map(({ tooLong, count }) => [tooLong.map(({ position }) => position), count]),
    [
      [[0, 65_536], 0],
      [[2 * 65_536], 1],
    ],
  );
  assert.equal(applied, false);
  const abort = new AbortController();
  source.read(abort.signal).catch(() => {});
  await chunk;
  abort.abort();
});

test('a message of which nothing can be decoded is poison, masked; one bad record among good is not', async () => {
  const { membership, source, poison } = open('json');
  const { options, deadLetters: letters } = toyReader(source, toyJson);
  const add = (letter: DeadLetter) => {
    source.buried(letter);
    letters.add(letter);
  };
  const deadLetters = { ...letters, add, hasRoom: true };
  const reader = new EventReader({ ...options, deadLetters });
  const secret = 'sk_live_51Hsecretsecret';
  await membership.assign(3);
  void membership.deliver(3, {
    5: `\u0001\u0002avro ${secret}`,
    6: '[{"at":1,"key":"a"},{"bad":1}]',
    7: '[{"bad":1},{"bad":2}]',
    8: '{"at":2}',
  });
  let events = 0;
  const abort = new AbortController();
  while (events < 1) {
    await reader.fill(abort.signal);
    while (reader.next()) events++;
  }
  const last = reader.fill(abort.signal);
  abort.abort();
  await assert.rejects(last);
  assert.deepEqual(
    poison.map(({ offset, partition, reason, position, stream }) => [
      offset,
      partition,
      reason,
      position,
      stream,
    ]),
    [5, 7].map((offset) => [offset, 3, 'malformed', offset * 65_536, 'kafka:logs/3@0']),
  );
  assert.equal(poison[0]!.length, 7 + secret.length);
  assert.ok(!JSON.stringify(poison).includes('secret'));
  assert.equal(letters.taken, 4);
});

test('a failed membership is told by read, and closing lets everything go', async () => {
  const { membership, source } = open('lines');
  await membership.assign(0);
  await source.read(never);
  const waiting = source.read(never);
  membership.failing.resolve(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  const chunk = membership.deliver(0, { 0: 'a' });
  await source.close();
  await chunk;
  assert.equal(membership.closed, true);
});
