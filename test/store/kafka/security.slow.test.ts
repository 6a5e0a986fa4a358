/** TLS and login with a real broker: who gets in, who does not, and what is said. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type KafkaConfig, kafkaSchema } from '../../../core/config.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import { createClient, type KafkaLogger } from '../../../store/kafka/connection.ts';
import { consumePartitions } from '../../../store/kafka/consumer.ts';
import { followLog } from '../../../store/kafka/follower.ts';
import { KafkaProducer } from '../../../store/kafka/producer.ts';
import {
  applyTopics,
  describeTopics,
  planTopics,
  topicNames,
} from '../../../store/kafka/topics.ts';
import { makeCertificates } from '../../servers/certificates.ts';
import { type KafkaServer, type SecureListeners, startKafka } from '../../servers/kafka.ts';

let server: KafkaServer;
let secure: SecureListeners;
before(async () => {
  server = await startKafka({ secure: { mutual: true } });
  secure = server.secure!;
});
after(() => server?.stop());

/** Ends a test that hangs. */
const PATIENT = { timeout: 120_000 };
let prefixes = 0;

function settings(brokers: readonly string[], other: object): KafkaConfig {
  prefixes += 1;
  return kafkaSchema.parse({
    ...{ brokers, prefix: `s${prefixes}`, partitions: 1, replication: 1 },
    ...other,
  });
}

function tls() {
  const { ca, clientCert, clientKey } = secure.files;
  return { ca, cert: clientCert, key: clientKey };
}

function login(mechanism: string, password = secure.password) {
  return { mechanism, username: secure.username, password };
}

/** Through all three clients: admin, producer, consumer. */
async function roundTrip(config: KafkaConfig, logger?: KafkaLogger): Promise<void> {
  await applyTopics(config, await planTopics(config, logger), logger);
  const { exchange } = topicNames(config.prefix);
  const producer = new KafkaProducer(config, logger && { logger });
  await producer.send(exchange, 0, [{ key: null, value: Buffer.from('hello') }]);
  await producer.close();
  const received: string[] = [];
  const follower = followLog(config, {
    topic: exchange,
    from: 0,
    apply: (messages) => {
      received.push(...messages.map(({ value }) => Buffer.from(value).toString()));
    },
  });
  await follower.caughtUp;
  await follower.close();
  assert.deepEqual(received, ['hello']);
}

test('messages pass over TLS with a certificate of our own', PATIENT, () =>
  roundTrip(settings(secure.tls, { tls: tls() })),
);

for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
  test(`messages pass after a login by ${mechanism}`, PATIENT, async () => {
    const lines: string[] = [];
    const keep = (facts: object, text: string) => {
      lines.push(text + JSON.stringify(facts));
    };
    const config = settings(secure.login, { tls: tls(), sasl: login(mechanism) });
    await roundTrip(config, { debug: keep, info: keep, warn: keep });
    assert.ok(lines.every((line) => !line.includes(secure.password)));
  });
}

async function refused(config: KafkaConfig): Promise<KeyhoundError> {
  try {
    await describeTopics(config);
  } catch (error) {
    assert.ok(error instanceof KeyhoundError);
    assert.equal(error.message.includes(secure.password), false);
    return error;
  }
  throw new assert.AssertionError({ message: 'it got in' });
}

test('a wrong password is refused at once and named as that', PATIENT, async () => {
  const sasl = login('scram-sha-512', 'wrong');
  const config = settings(secure.login, { tls: tls(), sasl });
  const error = await refused(config);
  assert.equal(error.code, 'kafka-refused');
  assert.equal(error.retryable, false);
  const consumer = consumePartitions(config, {
    topic: 'any',
    groupId: 'any',
    owner: { open: () => Promise.reject(new Error('never')) },
  });
  const ended = (await consumer.failed) as KeyhoundError;
  assert.equal(ended.code, 'kafka-refused');
  await consumer.close();
});

test('a broker of another authority is not trusted', PATIENT, async () => {
  const other = await makeCertificates(mkdtempSync(path.join(tmpdir(), 'keyhound-test-')));
  const error = await refused(settings(secure.tls, { tls: { ...tls(), ca: other.ca } }));
  assert.equal(error.code, 'kafka-refused');
});

test('a broker of another name is not trusted', PATIENT, async () => {
  const named = { ...tls(), serverName: 'kafka.example.com' };
  const error = await refused(settings(secure.tls, { tls: named }));
  assert.equal(error.code, 'kafka-refused');
});

test('a file that is missing, or holds no PEM, is named', () => {
  const missing = settings(secure.tls, { tls: { ca: 'missing.pem' } });
  assert.throws(() => createClient(missing, { role: 'test' }), /kafka\.tls\.ca: missing\.pem/);
  const noPem = settings(secure.tls, { tls: { ca: 'package.json' } });
  assert.throws(() => createClient(noPem, { role: 'test' }), /no PEM file/);
});
