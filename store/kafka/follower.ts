import { randomUUID } from 'node:crypto';
import type { LogFollower, ReceivedMessage } from '../../core/broker.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { createClient, type KafkaLogger } from './connection.ts';

export function followLog(
  config: KafkaConfig,
  options: {
    topic: string;
    from: number;
    apply: (messages: readonly ReceivedMessage[]) => void;
    role?: string;
    logger?: KafkaLogger;
  },
): LogFollower {
  const client = createClient(config, { role: options.role ?? 'follower', logger: options.logger });
  const consumer = client.consumer({
    groupId: `keyhound-follow-${randomUUID()}`,
    maxWaitTimeInMs: 200,
    sessionTimeout: 10000,
  });
  let next = options.from;
  const started = (async () => {
    for (;;) {
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [options.topic], fromBeginning: true });
        await consumer.run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            const messages = batch.messages
              .filter(({ offset }) => Number(offset) >= next)
              .map(({ offset, key, value, timestamp }) => ({
                offset: Number(offset),
                key,
                value: value ?? new Uint8Array(0),
                timestamp: Number(timestamp),
              }));
            if (messages.length > 0 && messages[0]!.offset === next) {
              next = messages.at(-1)!.offset + 1;
              options.apply(messages);
            } else if (messages.length > 0) {
              consumer.seek({ topic: options.topic, partition: 0, offset: String(next) });
            }
          },
        });
        consumer.seek({ topic: options.topic, partition: 0, offset: String(next) });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  })();
  return {
    seek(offset) {
      next = offset;
      consumer.seek({ topic: options.topic, partition: 0, offset: String(offset) });
    },
    caughtUp: started,
    trouble: () => undefined,
    failed: new Promise(() => {}),
    async close() {
      await consumer.disconnect();
    },
  };
}
