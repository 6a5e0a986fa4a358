import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type KafkaConfig, kafkaSchema } from '../../../core/config.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import { type BrokerCheck, checkKafka } from '../../../store/kafka/check.ts';
import { createClient } from '../../../store/kafka/connection.ts';
import { retried } from '../../../store/kafka/errors.ts';
import {
  applyTopics,
  describeTopics,
  planTopics,
  wantedTopics,
} from '../../../store/kafka/topics.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';

let server: KafkaServer;
before(async () => {
  server = await startKafka({ nodes: 3 });
});
after(() => server?.stop());

/** Ends a test that hangs. */
const PATIENT = { timeout: 120_000 };

function settings(prefix: string, other: Partial<KafkaConfig> = {}): KafkaConfig {
  return kafkaSchema.parse({ brokers: [...server.brokers], prefix, partitions: 3, ...other });
}

test(
  'a plan creates nothing, applying it creates all, and then nothing is left to do',
  PATIENT,
  async () => {
    const config = settings('new');
    const names = wantedTopics(config).map(({ name }) => name);
    const first = await planTopics(config);
    assert.deepEqual(
      first.create.map(({ name }) => name),
      names,
    );
    assert.deepEqual(await planTopics(config), first);
    await applyTopics(config, first);
    assert.deepEqual(await planTopics(config), { create: [], faults: [] });
    // Somebody else had the same plan.
    await applyTopics(config, first);
  },
);

test(
  'another number of partitions is refused, and nothing is created or altered',
  PATIENT,
  async () => {
    const config = settings('shape');
    const plan = await planTopics(config);
    const events = plan.create.filter(({ name }) => name === 'shape.events');
    await applyTopics(config, { create: events, faults: [] });
    const wider = settings('shape', { partitions: 6 });
    const refused = await planTopics(wider);
    assert.deepEqual(
      refused.faults.map(({ topic, setting, found, fatal }) => ({ topic, setting, found, fatal })),
      [{ topic: 'shape.events', setting: 'partitions', found: '3', fatal: true }],
    );
    await assert.rejects(applyTopics(wider, refused), (error: KeyhoundError) => {
      assert.equal(error.code, 'kafka-topic-shape');
      return true;
    });
    const { topics } = await describeTopics(config);
    assert.deepEqual(
      topics.map(({ name, partitions }) => [name, partitions]),
      [['shape.events', 3]],
    );
  },
);

test('what differs and does no harm is told with the way to change it', PATIENT, async () => {
  const config = settings('other', { replication: 1 });
  await applyTopics(config, await planTopics(config));
  const wanted = settings('other', { retentionMs: 3_600_000, replication: 3 });
  const { create, faults } = await planTopics(wanted);
  assert.deepEqual(create, []);
  const found = faults.filter(({ topic }) => topic === 'other.events');
  assert.deepEqual(
    found.map(({ setting, found: is, wanted: to, fatal }) => [setting, is, to, fatal]),
    [
      ['replication', '1', '3', false],
      ['retention.ms', '604800000', '3600000', false],
      ['min.insync.replicas', '1', '2', false],
    ],
  );
  assert.ok(found.every(({ hint }) => hint.length > 0));
});

test('a topic that throws away what must be kept is refused', PATIENT, async () => {
  const config = settings('wiped');
  const admin = createClient(config, { role: 'test' }).admin();
  await admin.connect();
  // A broker answers for a moment that the new partitions have no leader yet.
  await retried('create a topic', () =>
    admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: 'wiped.control', numPartitions: 1, replicationFactor: 3 }],
    }),
  );
  await admin.disconnect();
  const { faults } = await planTopics(config);
  const [policy] = faults.filter(({ fatal }) => fatal);
  assert.deepEqual(
    [policy?.topic, policy?.setting, policy?.found, policy?.wanted],
    ['wiped.control', 'cleanup.policy', 'delete', 'compact'],
  );
});

test('copies that are behind are counted when a broker is away', PATIENT, async () => {
  const config = settings('away');
  await applyTopics(config, await planTopics(config));
  const whole = await describeTopics(config);
  assert.equal(whole.members?.brokers.length, 3);
  assert.ok(whole.topics.every(({ underReplicated }) => underReplicated === 0));
  assert.ok(whole.topics.every(({ isOffline }) => !isOffline));
  await server.kill(3);
  const isSeen = async () => {
    const { topics } = await describeTopics(config);
    return topics.some(({ underReplicated }) => underReplicated > 0);
  };
  while (!(await isSeen()));
  await server.restart(3);
});

test('a topic of others without a leader keeps nothing from ours', PATIENT, async () => {
  const config = settings('beside');
  await applyTopics(config, await planTopics(config));
  const admin = createClient(config, { role: 'test' }).admin();
  await admin.connect();
  const replicaAssignment = [{ partition: 0, replicas: [3] }];
  await retried('create a topic', () =>
    admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: 'of-others', replicaAssignment }],
    }),
  );
  await admin.disconnect();
  await server.kill(3);
  // Until the brokers have noticed.
  while ((await describeTopics(config)).members !== undefined);
  const checks = checkKafka(config, { indexes: false });
  const { value: cluster } = await checks.next();
  assert.match((cluster as BrokerCheck).detail, /partitions without a leader/);
  const { value: events } = await checks.next();
  assert.match((events as BrokerCheck).detail, /^3 partitions, 3 copies .*a copy that is behind$/);
  await checks.return(undefined);
  await server.restart(3);
});

test('brokers that nobody reaches are an operating error with a hint', PATIENT, async () => {
  const config = kafkaSchema.parse({ brokers: ['127.0.0.1:1'] });
  await assert.rejects(planTopics(config), (error: KeyhoundError) => {
    assert.ok(error instanceof KeyhoundError);
    assert.equal(error.code, 'kafka-unreachable');
    assert.equal(error.retryable, true);
    assert.ok(error.hint);
    return true;
  });
});
