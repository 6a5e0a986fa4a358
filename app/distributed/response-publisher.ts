/** What the response does, into its topics: each revision of an action, each entry of the audit log. */
import type { Action, ActionStore } from '../../core/action.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { readAudit } from '../../store/elasticsearch/audit.ts';
import { type Connection, connect } from '../../store/elasticsearch/connection.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import type { AuditTopic } from '../../store/redis/response/audit.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { actionMessage, auditMessage, partitionOfAction } from './response-records.ts';

/** What brokers do not take in this time is sent again from the store, ms. */
const DELIVERY_MS = 60_000;
/** Actions sent anew at a start: a crash may have come between keeping and sending. */
const RESENT_MAX = 1000;
const AGAIN_MS = 5000;

export class ResponsePublisher {
  readonly auditTopic: AuditTopic;
  private readonly kafka: KafkaConfig;
  private readonly producer: KafkaProducer;
  private readonly archive: Connection | undefined;
  private readonly logger: Logger;
  private readonly unsent = new Map<string, Action>();
  private again: NodeJS.Timeout | undefined;

  constructor(
    kafka: KafkaConfig,
    elasticsearch: LoadedConfig['config']['elasticsearch'],
    logger: Logger,
  ) {
    this.kafka = kafka;
    this.logger = logger;
    this.producer = new KafkaProducer(kafka, {
      ...{ role: 'respond', lingerMs: 1, deliveryMs: DELIVERY_MS, logger },
    });
    this.archive = elasticsearch === undefined ? undefined : connect(elasticsearch);
    const { audit } = topicNames(kafka.prefix);
    this.auditTopic = {
      publish: (entries) => this.producer.send(audit, 0, entries.map(auditMessage)),
      entries: async (writer, from, limit) =>
        this.archive === undefined ? [] : readAudit(this.archive, writer, from, limit),
    };
  }

  /** A later revision of an action that was not sent yet takes its place: the topic keeps only the last one. */
  action(action: Action): void {
    this.unsent.set(action.id, action);
    void this.send(action);
  }

  /** The last ones once more; the same revision again changes nothing. */
  async resend(store: ActionStore): Promise<void> {
    for (const action of await store.actions({ limit: RESENT_MAX })) this.action(action);
  }

  async close(): Promise<void> {
    clearTimeout(this.again);
    await this.producer.close();
    await this.archive?.close();
  }

  private async send(action: Action): Promise<void> {
    const { prefix, partitions } = this.kafka;
    const partition = partitionOfAction(action.id, partitions);
    try {
      await this.producer.send(topicNames(prefix).actions, partition, [actionMessage(action)]);
      if (this.unsent.get(action.id) === action) this.unsent.delete(action.id);
    } catch (error) {
      this.logger.warn({ err: error, action: action.id }, 'an action is published later');
      this.again ??= setTimeout(() => {
        this.again = undefined;
        for (const left of [...this.unsent.values()]) void this.send(left);
      }, AGAIN_MS).unref();
    }
  }
}
