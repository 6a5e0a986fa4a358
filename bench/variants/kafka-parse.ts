/**
 * The bare loop that a detect process is compared with: kafkajs `eachBatch` over a topic of JSON, one record a
 * message, and JSON.parse. Arguments: broker, topic, number of messages.
 */
import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { silenceNegativeTimeouts } from '../../store/kafka/connection.ts';

const [broker, topic, count] = process.argv.slice(2) as [string, string, string];
const wanted = Number(count);
let messages = 0;
let failed = 0;

silenceNegativeTimeouts();
const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `bare-${randomUUID()}` });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
const { promise: done, resolve } = Promise.withResolvers<void>();
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) {
      const record = JSON.parse(value!.toString('utf8')) as { response: { status: number } };
      // Looked at, so that the parse cannot be left out.
      if (record.response.status >= 400) failed++;
    }
    messages += batch.messages.length;
    if (messages >= wanted) resolve();
  },
});
await done;
await consumer.disconnect();
process.stdout.write(`${JSON.stringify({ messages, failed })}\n`);
