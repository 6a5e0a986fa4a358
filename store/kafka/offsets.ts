/** First and last offsets of a topic's partitions, asked from the brokers. */
import type { Admin, Kafka } from 'kafkajs';
import { KeyhoundError } from '../../core/errors.ts';
import { retried } from './errors.ts';

export interface OffsetRange {
  /** Of the first message that is still there. */
  readonly low: number;
  /** Of the next message to come. */
  readonly high: number;
}

export class TopicOffsets {
  readonly #client: Kafka;
  readonly #topic: string;
  #admin: Admin | undefined;
  #isClosed = false;
  #asking: Promise<ReadonlyMap<number, OffsetRange>> | undefined;

  constructor(client: Kafka, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  /** Of all partitions. Calls that come while one is under way share its answer. */
  ranges(): Promise<ReadonlyMap<number, OffsetRange>> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Leaves no connection behind, also not that of a question under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#asking?.catch(() => {});
    await this.#disconnect();
  }

  async #disconnect(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await admin?.disconnect().catch(() => {});
  }

  #ask(): Promise<ReadonlyMap<number, OffsetRange>> {
    return retried(`read the offsets of ${this.#topic}`, async () => {
      if (this.#isClosed) throw new KeyhoundError('operating', 'Kafka: closed');
      try {
        if (this.#admin === undefined) {
          this.#admin = this.#client.admin();
          await this.#admin.connect();
        }
        const answers = await this.#admin.fetchTopicOffsets(this.#topic);
        return new Map(
          answers.map(({ partition, low, high }) => [
            partition,
            { low: Number(low), high: Number(high) },
          ]),
        );
      } catch (error) {
        // A client that has lost its brokers is not always one that finds them again.
        await this.#disconnect();
        throw error;
      }
    });
  }
}

export function outOfRange(
  topic: string,
  partition: number,
  offset: number,
  { low, high }: OffsetRange,
): KeyhoundError {
  const hint =
    offset < low
      ? 'Messages were deleted before they were read: raise kafka.retentionMs. To go on ' +
        'without them, set the saved position to the first offset.'
      : 'The topic was made anew, or the brokers lost messages: restore the state that ' +
        'belongs to it, or begin with another kafka.prefix.';
  return new KeyhoundError(
    'operating',
    `Kafka: ${topic}, partition ${partition}, has offsets ${low} to ${high}; ` +
      `the state goes on at ${offset}`,
    { code: 'offset-out-of-range', hint },
  );
}
