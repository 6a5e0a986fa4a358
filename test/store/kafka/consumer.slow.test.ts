/** What the consumer does when its owner is slow, wrong, or somewhere else than the topic. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { OwnedPartition, ReceivedMessage } from '../../../core/broker.ts';
import type { KafkaConfig } from '../../../core/config.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import { createClient } from '../../../store/kafka/connection.ts';
import { consumePartitions } from '../../../store/kafka/consumer.ts';
import { followLog } from '../../../store/kafka/follower.ts';
import { type Compression, KafkaProducer } from '../../../store/kafka/producer.ts';
import { topicNames } from '../../../store/kafka/topics.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { freshTopics, until } from './cluster.ts';

let server: KafkaServer;
before(async () => {
  server = await startKafka();
});
after(() => server?.stop());

interface Closable {
  close(): Promise<void>;
}

const toClose = new Set<Closable>();
afterEach(async () => {
  for (const one of toClose) await one.close();
  toClose.clear();
});

/** Closed after the test, also after one that fails: what stays open keeps the process. */
function kept<T extends Closable>(one: T): T {
  toClose.add(one);
  return one;
}

/** Ends a test that hangs. */
const PATIENT = { timeout: 120_000 };

const consume = (...args: Parameters<typeof consumePartitions>) => kept(consumePartitions(...args));
const follow = (...args: Parameters<typeof followLog>) => kept(followLog(...args));

/** An owner in memory that begins at `from` and passes all on to `apply`. */
function owned(
  from: number | 'earliest',
  apply: (messages: readonly ReceivedMessage[]) => Promise<void> | void,
): OwnedPartition {
  return {
    nextOffset: from,
    apply: async (messages) => apply(messages),
    savedOffset: () => -1,
    close: async () => {},
  };
}

async function write(
  config: KafkaConfig,
  topic: string,
  partition: number,
  values: readonly Buffer[],
  compression: Compression = 'none',
): Promise<void> {
  const producer = new KafkaProducer(config, { compression });
  const messages = values.map((value) => ({ key: Buffer.from('k'), value }));
  for (let at = 0; at < messages.length; at += 100) {
    await producer.send(topic, partition, messages.slice(at, at + 100));
  }
  await producer.close();
}

/** As retention does. */
async function deleteUpTo(config: KafkaConfig, topic: string, offset: number): Promise<void> {
  const admin = createClient(config, { role: 'test' }).admin();
  await admin.connect();
  // kafkajs must have heard of the topic.
  await admin.fetchTopicOffsets(topic);
  const partitions = [{ partition: 0, offset: String(offset) }];
  await admin.deleteTopicRecords({ topic, partitions });
  await admin.disconnect();
}

function numbered(count: number, size = 10): Buffer[] {
  return Array.from({ length: count }, (_, at) => Buffer.from(`${at}`.padEnd(size, '.')));
}

test(
  'a partition whose apply blocks keeps its membership, holds little, and hinders no other',
  PATIENT,
  async () => {
    const config = await freshTopics(server, { partitions: 2, sessionMs: 1500 });
    const topic = topicNames(config.prefix).events;
    const bufferBytesMax = 1 << 20;
    await write(config, topic, 0, numbered(8000, 1000));
    const blocked = Promise.withResolvers<void>();
    kept({ close: async () => blocked.resolve() });
    const applied = [0, 0];
    let rebalances = 0;
    const consumer = consume(config, {
      topic,
      groupId: `${config.prefix}.detect`,
      bufferBytesMax,
      lookMs: 200,
      onRebalance: () => {
        rebalances += 1;
      },
      owner: {
        open: async (partition) =>
          owned('earliest', async (messages) => {
            if (partition === 0) await blocked.promise;
            applied[partition]! += messages.length;
          }),
      },
    });
    const lagOf = (partition: number) => consumer.lag().find((lag) => lag.partition === partition)!;
    await until('it is full', () => consumer.heldBytes > bufferBytesMax / 2);
    // Each message of the other is written when the one before has come back, for three sessions.
    const start = Date.now();
    for (let sent = 1; Date.now() - start < 3 * config.sessionMs; sent++) {
      await write(config, topic, 1, numbered(1));
      await until('the other goes on', () => applied[1] === sent);
    }
    assert.equal(applied[0], 0);
    assert.equal(rebalances, 1);
    assert.equal(consumer.trouble(), undefined);
    assert.deepEqual(lagOf(0), { partition: 0, position: 0, end: 8000 });
    // Half of the bound is this partition's, and one more fetch of 1 MiB was under way; overhead is counted.
    assert.ok(consumer.heldBytes < bufferBytesMax / 2 + 1.5 * (1 << 20), `${consumer.heldBytes}`);
    blocked.resolve();
    await until('all is applied', () => applied[0] === 8000);
    await until('the lag is gone', () => lagOf(0).position === 8000);
    await consumer.close();
  },
);

for (const [where, next] of [
  ['deleted', 2],
  ['never written', 100],
] as const) {
  test(`a saved offset that was ${where} is refused, not replaced`, PATIENT, async () => {
    const config = await freshTopics(server, { partitions: 1 });
    const topic = topicNames(config.prefix).events;
    await write(config, topic, 0, numbered(20));
    await deleteUpTo(config, topic, 10);
    let applied = 0;
    const consumer = consume(config, {
      topic,
      groupId: `${config.prefix}.detect`,
      owner: {
        open: async () =>
          owned(next, (messages) => {
            applied += messages.length;
          }),
      },
    });
    const error = await consumer.failed;
    assert.ok(error instanceof KeyhoundError);
    assert.equal(error.code, 'offset-out-of-range');
    assert.match(error.message, /10 to 20/);
    assert.equal(applied, 0);
    await consumer.close();
  });
}

test(
  'with nothing saved it begins with the first message that is still there',
  PATIENT,
  async () => {
    const config = await freshTopics(server, { partitions: 1 });
    const topic = topicNames(config.prefix).events;
    await write(config, topic, 0, numbered(20));
    await deleteUpTo(config, topic, 10);
    const offsets: number[] = [];
    const consumer = consume(config, {
      topic,
      groupId: `${config.prefix}.detect`,
      owner: {
        open: async () =>
          owned('earliest', (messages) => {
            offsets.push(...messages.map(({ offset }) => offset));
          }),
      },
    });
    await until('all is applied', () => offsets.length === 10);
    assert.equal(offsets[0], 10);
    await consumer.close();
  },
);

test(
  'an error in apply ends the consumer with it, and the state is not closed',
  PATIENT,
  async () => {
    const config = await freshTopics(server, { partitions: 1 });
    const topic = topicNames(config.prefix).events;
    await write(config, topic, 0, numbered(1));
    const fault = new TypeError('x is not a function');
    let closed = 0;
    const consumer = consume(config, {
      topic,
      groupId: `${config.prefix}.detect`,
      owner: {
        open: async () => ({
          ...owned(0, () => {
            throw fault;
          }),
          close: async () => {
            closed += 1;
          },
        }),
      },
    });
    assert.equal(await consumer.failed, fault);
    assert.equal(consumer.trouble(), fault.message);
    await consumer.close();
    assert.equal(closed, 0);
  },
);

test('a store that is away is asked again, and told in words', PATIENT, async () => {
  const config = await freshTopics(server, { partitions: 1 });
  const topic = topicNames(config.prefix).events;
  await write(config, topic, 0, numbered(3));
  let away = true;
  let applied = 0;
  const consumer = consume(config, {
    topic,
    groupId: `${config.prefix}.detect`,
    owner: {
      open: async () => {
        if (away) throw new KeyhoundError('operating', 'the store is away');
        return owned(0, (messages) => {
          applied += messages.length;
        });
      },
    },
  });
  await until('it says so', () => /the store is away/.test(consumer.trouble() ?? ''));
  away = false;
  await until('all is applied', () => applied === 3);
  assert.equal(consumer.trouble(), undefined);
  await consumer.close();
});

test(
  'a partition fenced while the group still gives it to us is claimed again by a join',
  PATIENT,
  async () => {
    const config = await freshTopics(server, { partitions: 2, sessionMs: 1500 });
    const topic = topicNames(config.prefix).events;
    await write(config, topic, 0, numbered(3));
    const opened = [0, 0];
    let applied = 0;
    const consumer = consume(config, {
      topic,
      groupId: `${config.prefix}.detect`,
      owner: {
        open: async (partition) => {
          opened[partition]! += 1;
          const isFenced = opened[0] === 1;
          return owned(0, (messages) => {
            if (isFenced) throw new KeyhoundError('operating', 'another owner', { code: 'fenced' });
            applied += messages.length;
          });
        },
      },
    });
    await until('all is applied', () => applied === 3);
    assert.deepEqual(opened, [2, 2]);
    await consumer.close();
  },
);

test(
  'a topic that is missing is waited for, and told in words with what to do',
  PATIENT,
  async () => {
    const config = await freshTopics(server, { partitions: 1 });
    const consumer = consume(config, {
      topic: `${config.prefix}.nothing`,
      groupId: `${config.prefix}.detect`,
      owner: { open: async () => owned(0, () => {}) },
    });
    const told = /does not host.*keyhound kafka init --yes/;
    await until('it says so', () => told.test(consumer.trouble() ?? ''));
    await consumer.close();
  },
);

test(
  'a member without a partition is in trouble, unless others may have them all',
  PATIENT,
  async () => {
    const config = await freshTopics(server, { partitions: 1 });
    const joined = new Map<string, readonly number[]>();
    const member = (role: string, mayIdle: boolean) =>
      consume(config, {
        ...{ role, mayIdle, topic: topicNames(config.prefix).events },
        groupId: `${config.prefix}.detect`,
        owner: { open: async () => owned(0, () => {}) },
        onRebalance: (partitions) => void joined.set(role, partitions),
      });
    const members = { first: member('first', true), second: member('second', true) };
    await until('one has none', () => [...joined.values()].some((own) => own.length === 0));
    const idle = joined.get('first')?.length === 0 ? 'first' : 'second';
    assert.equal(members[idle].trouble(), undefined);
    const third = member('third', false);
    await until('the third has none', () => joined.get('third')?.length === 0);
    assert.match(third.trouble() ?? '', /no partition is assigned/);
    await Promise.all([members.first, members.second, third].map((one) => one.close()));
  },
);

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`messages packed with ${compression} come out as they were`, PATIENT, async () => {
    const config = await freshTopics(server, { partitions: 1 });
    const { exchange } = topicNames(config.prefix);
    const values = [...numbered(300, 200), Buffer.alloc(0), Buffer.alloc(200_000, 7)];
    await write(config, exchange, 0, values, compression);
    const received: Buffer[] = [];
    const follower = follow(config, {
      topic: exchange,
      from: 0,
      apply: (messages) => {
        received.push(...messages.map(({ value }) => Buffer.from(value)));
      },
    });
    await follower.caughtUp;
    assert.equal(Buffer.concat(received).equals(Buffer.concat(values)), true);
    assert.equal(received.length, values.length);
    await follower.close();
  });
}

test(
  'followers see everything from where they begin, each for itself, and go elsewhere',
  PATIENT,
  async () => {
    const config = await freshTopics(server);
    const { exchange, control } = topicNames(config.prefix);
    await write(config, exchange, 0, numbered(10));
    const seen: number[][] = [[], []];
    const followers = [0, 6].map((from, at) =>
      follow(config, {
        topic: exchange,
        from,
        apply: (messages) => {
          seen[at]!.push(...messages.map(({ offset }) => offset));
        },
      }),
    );
    await Promise.all(followers.map(({ caughtUp }) => caughtUp));
    assert.deepEqual(seen, [
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      [6, 7, 8, 9],
    ]);
    followers[1]!.seek(8);
    await until('it went there', () => seen[1]!.length === 6);
    await write(config, exchange, 0, numbered(1));
    await until('both go on', () => seen[0]!.length === 11 && seen[1]!.length === 7);
    assert.deepEqual(seen[1], [6, 7, 8, 9, 8, 9, 10]);
    await Promise.all(followers.map((follower) => follower.close()));

    await deleteUpTo(config, exchange, 5);
    const late: number[] = [];
    const follower = follow(config, {
      topic: exchange,
      from: 2,
      apply: (messages) => {
        late.push(...messages.map(({ offset }) => offset));
      },
    });
    await follower.caughtUp;
    assert.deepEqual(late, [5, 6, 7, 8, 9, 10]);
    follower.seek(3);
    await until('it goes to what is there', () => late.length === 12);
    await follower.close();

    const empty = follow(config, { topic: control, from: 'earliest', apply: () => {} });
    await empty.caughtUp;
    assert.equal(empty.trouble(), undefined);
    await empty.close();
  },
);
