/** Offsets that a consumer group has told the brokers: where readers whose work may be repeated go on. */
import type { KafkaConfig } from '../../core/config.ts';
import { createClient, type KafkaLogger } from './connection.ts';
import { retried } from './errors.ts';

/** By partition; partitions without one are left out. Rejects when the brokers stay away. */
export async function committedOffsets(
  config: KafkaConfig,
  groupId: string,
  topic: string,
  logger?: KafkaLogger,
): Promise<ReadonlyMap<number, number>> {
  const admin = createClient(config, { role: 'admin', logger }).admin();
  return retried(`read the offsets of ${groupId}`, async () => {
    try {
      await admin.connect();
      const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const offsets = new Map<number, number>();
      for (const { partition, offset } of answer?.partitions ?? []) {
        if (Number(offset) >= 0) offsets.set(partition, Number(offset));
      }
      return offsets;
    } finally {
      await admin.disconnect().catch(() => {});
    }
  });
}
