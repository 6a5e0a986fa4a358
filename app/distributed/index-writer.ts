/**
 * Results out of their topics into Elasticsearch. The topics are the spool: while Elasticsearch is away the offsets
 * stand still, and nothing else does. Documents carry their ids and revisions, so reading again is harmless, and the
 * offsets told to the brokers suffice to go on from.
 */
import type {
  OwnedPartition,
  PartitionConsumer,
  PartitionOwner,
  ReceivedMessage,
} from '../../core/broker.ts';
import { type Clock, toIso } from '../../core/clock.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { type Connection, connect } from '../../store/elasticsearch/connection.ts';
import { placeOf, type ResultDocument } from '../../store/elasticsearch/documents.ts';
import { removeOldIndices } from '../../store/elasticsearch/retention.ts';
import { installTemplates } from '../../store/elasticsearch/templates.ts';
import {
  createWriter,
  type ResultWriter,
  WRITE_TIMEOUT_MS,
} from '../../store/elasticsearch/writer.ts';
import { committedOffsets } from '../../store/kafka/committed.ts';
import { consumePartitions } from '../../store/kafka/consumer.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { actionOf, auditOf } from './response-records.ts';
import { documentsOf, resultLineOf } from './results.ts';

type ElasticsearchConfig = NonNullable<LoadedConfig['config']['elasticsearch']>;

/** A message may hold the usage of many keys. */
const DOCUMENTS_AT_ONCE = 2000;

export interface IndexOptions {
  readonly kafka: KafkaConfig;
  readonly elasticsearch: ElasticsearchConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Results older than this are deleted, a day at a time. */
  readonly usageMonthsMax: number;
}

export interface IndexWriter {
  /** By what is read, e.g. `incidents`. */
  readonly consumers: Readonly<Record<string, PartitionConsumer>>;
  readonly writer: ResultWriter;
  /** Settles when it can go on no more. */
  readonly failed: Promise<Error>;
  /** Messages that are no result. */
  readonly damaged: () => number;
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  close(): Promise<void>;
}

export function openIndexWriter(options: IndexOptions): IndexWriter {
  const { kafka, elasticsearch, logger } = options;
  const connection = connect(elasticsearch, { requestTimeoutMs: WRITE_TIMEOUT_MS });
  const stop = new AbortController();
  let damaged = 0;
  const letters = new KafkaProducer(kafka, { role: 'dead-letters', logger });
  const writer = createWriter({
    connection,
    async onRejected(document, reason) {
      logger.error({ kind: document.kind }, `a document was refused by Elasticsearch: ${reason}`);
      const value = letterOf(document, reason, options.clock.now());
      await letters.send(topicNames(kafka.prefix).deadLetters, 0, [{ key: null, value }]);
    },
  });
  const stopUpkeep = keepUp(connection, options);
  const consume = ({ name, read, ...names }: Reading): PartitionConsumer =>
    consumePartitions(kafka, {
      ...names,
      // The audit is one partition, which only one of several consoles has.
      mayIdle: true,
      role: name === 'incidents' ? 'index' : `index-${name}`,
      logger,
      owner: ownerOf(options, names, stop.signal, async (messages, signal) => {
        let found: ResultDocument[] = [];
        for (const { value } of messages) {
          const documents = read(value);
          if (documents === undefined) damaged++;
          else for (const document of documents) found.push(document);
          if (found.length < DOCUMENTS_AT_ONCE) continue;
          await writer.index(found, signal);
          found = [];
        }
        await writer.index(found, signal);
      }),
    });
  const readings = readingsOf(kafka.prefix);
  const consumers = Object.fromEntries(readings.map((reading) => [reading.name, consume(reading)]));
  const all = Object.values(consumers);
  return {
    consumers,
    writer,
    failed: Promise.race(all.map(({ failed }) => failed)),
    damaged: () => damaged,
    trouble: () => {
      const kafkaSays = all
        .map((consumer) => consumer.trouble())
        .find((says) => says !== undefined);
      const found = [
        { name: 'kafka', detail: kafkaSays },
        { name: 'elasticsearch', detail: writer.trouble() },
      ];
      return found.flatMap(({ name, detail }) => (detail === undefined ? [] : [{ name, detail }]));
    },
    async close() {
      stop.abort();
      stopUpkeep();
      await Promise.all(all.map((consumer) => consumer.close()));
      await letters.close();
      await connection.close();
    },
  };
}

/** A topic, and the documents of a message of it; undefined when it is damaged. */
interface Reading {
  readonly name: string;
  readonly topic: string;
  readonly groupId: string;
  read(value: Uint8Array): readonly ResultDocument[] | undefined;
}

function readingsOf(prefix: string): readonly Reading[] {
  const { incidents, actions, audit } = topicNames(prefix);
  return [
    { name: 'incidents', topic: incidents, groupId: `${prefix}-index`, read: resultsOf },
    { name: 'actions', topic: actions, groupId: `${prefix}-index-actions`, read: actionOf },
    { name: 'audit', topic: audit, groupId: `${prefix}-index-audit`, read: auditOf },
  ];
}

function resultsOf(value: Uint8Array): readonly ResultDocument[] | undefined {
  const line = resultLineOf(value);
  return line === undefined ? undefined : documentsOf(line);
}

type Index = (messages: readonly ReceivedMessage[], signal: AbortSignal) => Promise<void>;

function ownerOf(
  { kafka, logger }: IndexOptions,
  { topic, groupId }: Pick<Reading, 'topic' | 'groupId'>,
  stopped: AbortSignal,
  index: Index,
): PartitionOwner {
  return {
    async open(partition): Promise<OwnedPartition> {
      const known = await committedOffsets(kafka, groupId, topic, logger);
      const from = known.get(partition);
      let saved = from ?? 0;
      const release = new AbortController();
      const signal = AbortSignal.any([stopped, release.signal]);
      return {
        nextOffset: from ?? 'earliest',
        async apply(messages) {
          await index(messages, signal).catch((error: unknown) => {
            throw signal.aborted ? interrupted() : error;
          });
          saved = messages.at(-1)!.offset + 1;
        },
        interrupt: () => release.abort(),
        savedOffset: () => saved,
        close: async () => undefined,
      };
    },
  };
}

function interrupted(): KeyhoundError {
  return new KeyhoundError('operating', 'the partition is given up', { code: 'fenced' });
}

/** Names the document; what stands in it may be what nobody may read here. */
function letterOf(document: ResultDocument, reason: string, seenAt: number): Uint8Array {
  const { kind, id } = placeOf(document);
  const letter = { type: 'dead-letter', of: 'document', kind, id, reason, seenAt: toIso(seenAt) };
  return Buffer.from(JSON.stringify(letter));
}

const DAY_MS = 86_400_000;
/** After a failure. */
const AGAIN_MS = 600_000;

/** Templates at the start, and what is too old once a day; answers what ends it. */
function keepUp(connection: Connection, options: IndexOptions): () => void {
  const { clock, logger, usageMonthsMax } = options;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  async function look(): Promise<void> {
    let nextMs = DAY_MS;
    try {
      const { newer, unmigrated } = await installTemplates(connection);
      if (newer.length > 0) logger.warn({ newer }, 'index templates are of a newer Keyhound');
      if (unmigrated.length > 0) logger.warn({ unmigrated }, 'indices without the new fields');
      const removed = await removeOldIndices(connection, { usageMonthsMax, now: clock.now() });
      if (removed.length > 0) logger.info({ removed }, 'old results were deleted');
    } catch (error) {
      if (isOver) return;
      nextMs = AGAIN_MS;
      const code = error instanceof KeyhoundError ? error.code : undefined;
      logger.warn({ code }, 'templates and old indices of Elasticsearch are looked at later');
    }
    if (isOver) return;
    timer = setTimeout(() => void look(), nextMs);
    timer.unref();
  }
  void look();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
