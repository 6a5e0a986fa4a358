/**
 * What detection tells, to the response: findings and incidents of a partition in their order. An offset counts as
 * applied once every decision made by then is kept, so a crash repeats the rest, under the same ids.
 */
import type { OwnedPartition, PartitionConsumer, ReceivedMessage } from '../../core/broker.ts';
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { committedOffsets } from '../../store/kafka/committed.ts';
import { consumePartitions } from '../../store/kafka/consumer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import type { Logger } from '../contract.ts';
import type { Response } from '../response/response.ts';
import type { Losses } from './losses.ts';
import type { RespondCases } from './respond-cases.ts';
import type { RespondFleet } from './respond-fleet.ts';
import type { RespondKeys } from './respond-keys.ts';
import { resultLineOf } from './results.ts';

export interface RespondFeedOptions {
  readonly kafka: KafkaConfig;
  readonly logger: Logger;
  readonly response: Response;
  readonly freshness: Freshness;
  readonly losses: Losses;
  readonly cases: Pick<RespondCases, 'heard'>;
  readonly keys: RespondKeys;
  readonly fleet: RespondFleet;
  /** The response ends: what it has not kept by then is not applied. */
  readonly signal: AbortSignal;
}

export class Freshness {
  private at: number | undefined;
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The message that is being applied was stamped then. */
  applying(at: number): void {
    this.at = at;
  }

  applied(): void {
    this.at = undefined;
  }

  /** Of what is judged at this moment, ms; 0 where nothing waits. */
  get lagMs(): number {
    return this.at === undefined ? 0 : Math.max(0, this.clock.now() - this.at);
  }
}

export function openRespondFeed(options: RespondFeedOptions): PartitionConsumer {
  const { kafka, logger, losses, response, freshness, signal } = options;
  const topic = topicNames(kafka.prefix).incidents;
  const groupId = `${kafka.prefix}-respond`;
  return consumePartitions(kafka, {
    ...{ topic, groupId, role: 'respond', logger },
    onDeleted(partition, messages) {
      const text = `${messages} results were deleted before they were read: nothing is done about them`;
      losses.lost(messages, text, { partition, messages });
    },
    owner: {
      async open(partition): Promise<OwnedPartition> {
        const known = await committedOffsets(kafka, groupId, topic, logger);
        const from = known.get(partition);
        let saved = from ?? 0;
        return {
          nextOffset: from ?? 'earliest',
          async apply(messages) {
            for (const message of messages) await tell(message, options);
            freshness.applied();
            await response.keeper.settle().catch((error: unknown) => {
              throw signal.aborted ? givenUp() : error;
            });
            if (signal.aborted) throw givenUp();
            saved = messages.at(-1)!.offset + 1;
          },
          savedOffset: () => saved,
          close: async () => undefined,
        };
      },
    },
  });
}

function givenUp(): KeyhoundError {
  return new KeyhoundError('operating', 'the partition is given up', { code: 'fenced' });
}

async function tell(
  { value, timestamp }: ReceivedMessage,
  { response, freshness, cases, keys, fleet }: RespondFeedOptions,
): Promise<void> {
  const line = resultLineOf(value);
  if (line === undefined) return;
  freshness.applying(timestamp);
  if (line.type === 'finding' || line.type === 'incident') cases.heard(line);
  if (line.type === 'finding') response.finding(line);
  else if (line.type === 'incident') {
    keys.heard(line);
    response.incident(line);
  } else if (line.type === 'usage') {
    for (const { digest, requests } of line.rows) fleet.used(digest, line.hourAt, requests);
  } else if (line.type === 'watch') {
    const { type: _, ...verdict } = line;
    await response.verdict(verdict);
  }
  // The response looks at what it was told in a turn of its own.
  await Promise.resolve();
}
