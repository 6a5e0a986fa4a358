/** Topics of gateway logs: whether the brokers can be reached, and what is there. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SourceConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { topicsOf } from '../config/kafka-rules.ts';
import type { Check, LoadedConfig } from '../contract.ts';
import { check, failed } from './check.ts';

type Kafka = ReturnType<typeof import('../../store/kafka/connection.ts').createClient>;

const PATIENCE_MS = 20_000;

/** The client is loaded only where it is needed. */
export async function checkTopics(
  name: string,
  source: SourceConfig,
  config: LoadedConfig,
): Promise<Check> {
  const { connectionOf } = await import('../kafka-input.ts');
  const { createClient } = await import('../../store/kafka/connection.ts');
  const { TopicOffsets } = await import('../../store/kafka/offsets.ts');
  const { OFFLINE } = await import('../../store/kafka/topics.ts');
  const found: string[] = [];
  try {
    const client = createClient(connectionOf(source, config), { role: 'doctor' });
    const topics = topicsOf(source);
    const shapes = await inTime(shapesAt(client, topics));
    for (const [i, topic] of topics.entries()) {
      if (shapes[i] === undefined) return check(name, false, `no topic ${topic}`, NOT_SEEN);
      if (shapes[i] === OFFLINE) {
        return check(name, false, `${topic}: partitions without a leader`, AWAY);
      }
      const offsets = new TopicOffsets(client, topic);
      try {
        const ranges = await inTime(offsets.ranges());
        const messages = [...ranges.values()].reduce((sum, { low, high }) => sum + high - low, 0);
        found.push(`${topic}: ${ranges.size} partitions, about ${messages} messages`);
      } finally {
        await offsets.close();
      }
    }
    return check(name, true, `kafka, ${source.format}; ${found.join('; ')}`);
  } catch (error) {
    return failed(name, error);
  }
}

const NOT_SEEN = 'Make it, or let this user see it (Describe).';
const AWAY = 'They can be neither read nor written: start the brokers that hold them.';

async function shapesAt(client: Kafka, topics: readonly string[]) {
  const { asOperating } = await import('../../store/kafka/errors.ts');
  const { shapeOf } = await import('../../store/kafka/topics.ts');
  const admin = client.admin();
  try {
    await admin.connect();
    return await Promise.all(topics.map((topic) => shapeOf(admin, topic)));
  } catch (error) {
    throw asOperating(error, 'describe topics');
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = delay(PATIENCE_MS, undefined, { ref: false }).then(() => {
    throw new KeyhoundError('operating', `no broker answered within ${PATIENCE_MS / 1000} s`, {
      code: 'kafka-unreachable',
      hint: 'Check brokers, the network, and that the brokers are up.',
    });
  });
  return Promise.race([answer, late]);
}
