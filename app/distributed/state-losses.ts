/**
 * Whether Redis still has what it had confirmed: it may have been restored from a copy, flushed, or have lost its last
 * second with its power. What detection finds is the same again as long as Kafka has the events since; what was
 * learned before those is gone, and nobody would notice.
 */
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { committedOffsets } from '../../store/kafka/committed.ts';
import type { Logger } from '../contract.ts';
import { Losses } from './losses.ts';

const HINT =
  'The events since are applied again, as far as Kafka has them. Was Redis restored or flushed? Is its AOF on?';

export interface StateLossesOptions {
  readonly kafka: KafkaConfig;
  readonly groupId: string;
  readonly topic: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class StateLosses {
  private readonly losses: Losses;
  private readonly options: StateLossesOptions;

  constructor(options: StateLossesOptions) {
    const { clock, logger } = options;
    this.options = options;
    this.losses = new Losses({ clock, logger, hint: HINT });
  }

  /** A checkpoint was refused, as what came before it is not there. */
  noted(partition: number, { message }: Error): void {
    this.losses.lost(1, `${message}: it goes on from what is there`, { partition });
  }

  /**
   * After a partition was opened. An offset is told to the brokers once it is saved, so a higher one than `savedOffset`
   * answers afterwards was lost. Tells nothing while the brokers do not.
   */
  async compare(partition: number, savedOffset: () => number): Promise<void> {
    const { groupId, kafka, logger, topic } = this.options;
    const told = await committedOffsets(kafka, groupId, topic, logger).catch(() => undefined);
    const before = told?.get(partition) ?? 0;
    const position = savedOffset();
    if (before <= position) return;
    const text = `Redis has an older state of partition ${partition} than was saved`;
    const facts = { partition, position, before };
    this.losses.lost(1, `${text}: it goes on at ${position}, not ${before}`, facts);
  }

  trouble(): string | undefined {
    return this.losses.trouble();
  }
}
