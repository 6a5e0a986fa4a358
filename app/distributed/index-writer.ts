/**
 * Results out of their topics into Elasticsearch. The topics are the spool: while Elasticsearch is away the offsets
 * stand still, and nothing else does. Documents carry their ids and revisions, so reading again is harmless, and the
 * offsets told to the brokers suffice to go on from.
 */
import type { OwnedPartition, PartitionConsumer, ReceivedMessage } from '../../core/broker.ts';
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { connect } from '../../store/elasticsearch/connection.ts';
import type { ResultDocument } from '../../store/elasticsearch/documents.ts';
import {
  createWriter,
  type ResultWriter,
  WRITE_TIMEOUT_MS,
} from '../../store/elasticsearch/writer.ts';
import { committedOffsets } from '../../store/kafka/committed.ts';
import { consumePartitions } from '../../store/kafka/consumer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { documentOf } from './results.ts';

type ElasticsearchConfig = NonNullable<LoadedConfig['config']['elasticsearch']>;

export interface IndexOptions {
  readonly kafka: KafkaConfig;
  readonly elasticsearch: ElasticsearchConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface IndexWriter {
  readonly consumer: PartitionConsumer;
  readonly writer: ResultWriter;
  /** Messages that are no result. */
  readonly damaged: () => number;
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  close(): Promise<void>;
}

export function openIndexWriter(options: IndexOptions): IndexWriter {
  const { kafka, elasticsearch, logger } = options;
  const topic = topicNames(kafka.prefix).incidents;
  const groupId = `${kafka.prefix}-index`;
  const connection = connect(elasticsearch, { requestTimeoutMs: WRITE_TIMEOUT_MS });
  const stop = new AbortController();
  let damaged = 0;
  const writer = createWriter({
    connection,
    onRejected: ({ kind }, reason) =>
      logger.error({ kind }, `a document was refused by Elasticsearch: ${reason}`),
  });
  const read = (messages: readonly ReceivedMessage[]): ResultDocument[] =>
    messages.flatMap(({ value }) => {
      const document = documentOf(value);
      if (document !== undefined) return [document];
      damaged++;
      return [];
    });
  const consumer = consumePartitions(kafka, {
    topic,
    groupId,
    role: 'index',
    logger,
    owner: {
      async open(partition): Promise<OwnedPartition> {
        const known = await committedOffsets(kafka, groupId, topic, logger);
        const from = known.get(partition);
        let saved = from ?? 0;
        const release = new AbortController();
        const signal = AbortSignal.any([stop.signal, release.signal]);
        return {
          nextOffset: from ?? 'earliest',
          async apply(messages) {
            await writer.index(read(messages), signal).catch((error: unknown) => {
              throw signal.aborted ? interrupted() : error;
            });
            saved = messages.at(-1)!.offset + 1;
          },
          interrupt: () => release.abort(),
          savedOffset: () => saved,
          close: async () => undefined,
        };
      },
    },
  });
  return {
    consumer,
    writer,
    damaged: () => damaged,
    trouble: () => {
      const found = [
        { name: 'kafka', detail: consumer.trouble() },
        { name: 'elasticsearch', detail: writer.trouble() },
      ];
      return found.flatMap(({ name, detail }) => (detail === undefined ? [] : [{ name, detail }]));
    },
    async close() {
      stop.abort();
      await consumer.close();
      await connection.close();
    },
  };
}

function interrupted(): KeyhoundError {
  return new KeyhoundError('operating', 'the partition is given up', { code: 'fenced' });
}
