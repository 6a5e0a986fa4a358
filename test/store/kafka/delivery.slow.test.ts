/** Nothing lost, nothing applied twice, in order: with processes that are killed, frozen, and come and go. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaConfig } from '../../../core/config.ts';
import { consumePartitions } from '../../../store/kafka/consumer.ts';
import { KafkaProducer } from '../../../store/kafka/producer.ts';
import { topicNames } from '../../../store/kafka/topics.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { ConsumerProcess, freshTopics, temporaryFile, until } from './cluster.ts';
import { Ledger } from './ledger.ts';

let server: KafkaServer;
before(async () => {
  server = await startKafka();
});
after(() => server?.stop());

const PARTITIONS = [0, 1, 2, 3];
/** Ends a test that hangs. */
const PATIENT = { timeout: 200_000 };

/** Writes numbered messages to each partition until it is told to stop. */
class Writer {
  readonly #producer: KafkaProducer;
  readonly #topic: string;
  readonly written = PARTITIONS.map(() => 0);
  #stopping = false;
  readonly #writing: Promise<void>;

  constructor(config: KafkaConfig) {
    this.#producer = new KafkaProducer(config);
    this.#topic = topicNames(config.prefix).events;
    this.#writing = this.#write();
    this.#writing.catch(() => {});
  }

  async #write(): Promise<void> {
    while (!this.#stopping) {
      await Promise.all(
        PARTITIONS.map((partition) => {
          const first = this.written[partition]!;
          const texts = Array.from({ length: 40 }, (_, at) => `${partition}:${first + at}`);
          this.written[partition] = first + texts.length;
          const messages = texts.map((text) => ({ key: null, value: Buffer.from(text) }));
          return this.#producer.send(this.#topic, partition, messages);
        }),
      );
      await delay(20);
    }
  }

  get total(): number {
    return this.written.reduce((sum, count) => sum + count);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#writing;
    await this.#producer.close();
  }
}

function assertExact(ledger: Ledger, writer: Writer): void {
  for (const partition of PARTITIONS) {
    const expected = Array.from({ length: writer.written[partition]! }, (_, at) => {
      return `${partition}:${at}`;
    });
    assert.deepEqual(ledger.textsOf(partition), expected);
  }
}

async function scene(context: TestContext, applyMs: number) {
  const config = await freshTopics(server);
  const file = temporaryFile('ledger.db');
  const ledger = new Ledger(file);
  const topic = topicNames(config.prefix).events;
  const settings = { kafka: config, topic, groupId: `${config.prefix}.detect`, file, applyMs };
  const writer = new Writer(config);
  const started: ConsumerProcess[] = [];
  const start = () => {
    const consumer = new ConsumerProcess(settings);
    started.push(consumer);
    return consumer;
  };
  // Also when the test fails: nothing may go on behind it.
  context.after(async () => {
    await Promise.all(started.map((consumer) => consumer.kill()));
    await writer.stop().catch(() => {});
    ledger.close();
  });
  return { ledger, start, writer };
}

test('messages are applied once and in the order of sends', PATIENT, async () => {
  const config = await freshTopics(server);
  const ledger = new Ledger(temporaryFile('ledger.db'));
  const { events } = topicNames(config.prefix);
  const producer = new KafkaProducer(config);
  const sends: Promise<void>[] = [];
  for (let at = 0; at < 3000; at++) {
    const partition = at % 4;
    const value = Buffer.from(`${partition}:${Math.floor(at / 4)}`);
    sends.push(producer.send(events, partition, [{ key: null, value }]));
  }
  await Promise.all(sends);
  const rebalances: Array<readonly number[]> = [];
  const consumer = consumePartitions(config, {
    topic: events,
    groupId: `${config.prefix}.detect`,
    owner: ledger,
    onRebalance: (partitions) => rebalances.push(partitions),
  });
  await until('all is applied', () => ledger.count >= 3000);
  assert.equal(consumer.trouble(), undefined);
  assert.deepEqual(rebalances, [PARTITIONS]);
  const lag = [...consumer.lag()].sort((a, b) => a.partition - b.partition);
  assert.deepEqual(
    lag,
    PARTITIONS.map((partition) => ({ partition, position: 750, end: 750 })),
  );
  await consumer.close();
  await producer.close();
  for (const partition of PARTITIONS) {
    const expected = Array.from({ length: 750 }, (_, at) => `${partition}:${at}`);
    assert.deepEqual(ledger.textsOf(partition), expected);
  }
  ledger.close();
});

test(
  'consumers killed with -9 again and again lose nothing and apply nothing twice',
  PATIENT,
  async (context) => {
    const { ledger, start, writer } = await scene(context, 15);
    const consumers = [start(), start()];
    for (let round = 0; round < 4; round++) {
      const before = ledger.count;
      await until('it goes on', () => ledger.count >= before + 2500);
      await consumers.shift()!.kill();
      consumers.push(start());
    }
    await writer.stop();
    await until('all is applied', () => ledger.count >= writer.total);
    await Promise.all(consumers.map((consumer) => consumer.close()));
    assertExact(ledger, writer);
  },
);

test(
  'a consumer frozen for longer than its session commits nothing when it goes on',
  PATIENT,
  async (context) => {
    const { ledger, start, writer } = await scene(context, 5);
    const first = start();
    await until('the first has applied some', () => ledger.count > 500);
    first.order('freeze');
    await until('it is frozen', () => first.said(/^frozen/));
    const second = start();
    await until('the second has all', () => second.assigned.length === PARTITIONS.length);
    await until('the second has claimed them', () =>
      PARTITIONS.every((partition) => second.said(new RegExp(`^opened ${partition}`))),
    );
    const before = ledger.count;
    await until('the second goes on', () => ledger.count > before + 1000);
    first.thaw();
    await until('the first is refused', () => first.said(/^fenced/));
    await until('both share', () => first.assigned.length === 2 && second.assigned.length === 2);
    const shared = ledger.count;
    await until('both go on', () => ledger.count > shared + 1000);
    await writer.stop();
    await until('all is applied', () => ledger.count >= writer.total);
    await Promise.all([first.close(), second.close()]);
    assertExact(ledger, writer);
  },
);

test(
  'partitions are shared when a consumer joins, kept where they stay, and taken when it leaves',
  PATIENT,
  async (context) => {
    const { ledger, start, writer } = await scene(context, 1);
    const first = start();
    await until('the first has all', () => first.assigned.length === 4);
    const second = start();
    await until('both share', () => first.assigned.length === 2 && second.assigned.length === 2);
    const kept = first.assigned;
    await until('the second has claimed its own', () => second.count(/^opened/) === 2);
    await second.close();
    await until('the first has all again', () => first.assigned.length === 4);
    const before = ledger.count;
    await until('it goes on', () => ledger.count > before + 1000);
    for (const partition of PARTITIONS) {
      // Opened by the first; then also by the second, and by the first again.
      assert.equal(ledger.epochOf(partition), kept.includes(partition) ? 1 : 3, `${partition}`);
    }
    await writer.stop();
    await until('all is applied', () => ledger.count >= writer.total);
    await first.close();
    assertExact(ledger, writer);
  },
);

test(
  'a broker killed and restarted loses nothing and doubles nothing',
  PATIENT,
  async (context) => {
    const { ledger, start, writer } = await scene(context, 1);
    const consumer = start();
    const seen = () => [ledger.count, writer.written, consumer.lines];
    for (let round = 0; round < 2; round++) {
      const before = ledger.count;
      await until('it goes on', () => ledger.count >= before + 1000, seen);
      await server.kill();
      await server.restart();
    }
    const before = ledger.count;
    await until('it goes on', () => ledger.count >= before + 1000, seen);
    await writer.stop();
    await until('all is applied', () => ledger.count >= writer.total, seen);
    await consumer.close();
    assertExact(ledger, writer);
  },
);
