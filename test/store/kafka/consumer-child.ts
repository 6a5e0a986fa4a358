/**
 * A consumer in a process of its own, to be killed and frozen. Prints what happens, a line each; `freeze` on stdin
 * stops it right before its next commit.
 */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { kafkaSchema } from '../../../core/config.ts';
import { consumePartitions } from '../../../store/kafka/consumer.ts';
import { Ledger } from './ledger.ts';

export interface ChildSettings {
  readonly kafka: unknown;
  readonly topic: string;
  readonly groupId: string;
  readonly file: string;
  /** How long a chunk takes. */
  readonly applyMs: number;
}

const settings = JSON.parse(process.argv[2]!) as ChildSettings;
let freeze = false;
const say = (text: string) => process.stdout.write(`${text}\n`);

const ledger = new Ledger(settings.file, {
  beforeCommit: async (partition) => {
    await delay(settings.applyMs);
    if (!freeze) return;
    freeze = false;
    say(`frozen ${partition}`);
    process.kill(process.pid, 'SIGSTOP');
  },
  opened: (partition, epoch) => say(`opened ${partition} ${epoch}`),
  closed: (partition) => say(`closed ${partition}`),
  fenced: (partition) => say(`fenced ${partition}`),
});
const consumer = consumePartitions(kafkaSchema.parse(settings.kafka), {
  topic: settings.topic,
  groupId: settings.groupId,
  owner: ledger,
  onRebalance: (partitions) => say(`assigned ${partitions.join(' ')}`),
});
void consumer.failed.then((error) => {
  say(`failed ${error.message}`);
  process.exit(1);
});
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'freeze') freeze = true;
  if (line === 'close') break;
}
await consumer.close();
ledger.close();
say('ended');
// As the service ends: kafkajs may keep a connection that it tried to make while a broker was away.
process.exit();
