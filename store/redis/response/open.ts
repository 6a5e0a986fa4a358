/** All stores of the response on one connection, and the queue of actions beside them. */
import type { ActionQueue, ActionStore } from '../../../core/action.ts';
import type { DeliveryStore } from '../../../core/alert.ts';
import type { RedisConfig } from '../../../core/config.ts';
import type { DecisionStore } from '../../../core/decision.ts';
import type { KeyhoundError } from '../../../core/errors.ts';
import type { ReportStore } from '../../../core/report.ts';
import type { SealStore } from '../../../core/seal.ts';
import type { VerdictStore } from '../../../core/verdict.ts';
import { connectRedis, type LinkOptions, type RedisLink } from '../connection.ts';
import { createActionStore } from './actions.ts';
import { type AuditTopic, createAuditStore, type RedisAuditStore } from './audit.ts';
import { createDecisionStore } from './decisions.ts';
import { createDeliveryStore } from './deliveries.ts';
import { createFlag, type Flag } from './flag.ts';
import { type ActionQueueOptions, createActionQueue } from './queue.ts';
import { createReportStore } from './reports.ts';
import { createSealStore } from './seals.ts';
import { createVerdictStore } from './verdicts.ts';

export interface ResponseStoresOptions
  extends Pick<ActionQueueOptions, 'perSecond' | 'onError' | 'clock' | 'timing'> {
  readonly config: RedisConfig;
  readonly link?: LinkOptions;
  /** Where audit entries are kept for good; without it they stay in Redis. */
  readonly auditTopic?: AuditTopic | undefined;
  /** Decisions, and actions, that are kept. */
  readonly recordsMax?: number;
}

export interface ResponseStores {
  readonly decisions: DecisionStore;
  readonly actions: ActionStore;
  readonly verdicts: VerdictStore;
  readonly deliveries: DeliveryStore;
  readonly reports: ReportStore;
  readonly seals: SealStore;
  readonly audit: RedisAuditStore;
  /** A value that processes share. */
  flag<V>(name: string): Flag<V>;
  readonly queue: ActionQueue;
  /** What is wrong with the connection; undefined while it is ready. */
  trouble(): KeyhoundError | undefined;
  close(): Promise<void>;
}

/** Rejects with a KeyhoundError when Redis cannot be reached. */
export async function openResponseStores(options: ResponseStoresOptions): Promise<ResponseStores> {
  return responseStoresOn(await connectRedis(options.config, options.link), options);
}

export function responseStoresOn(
  link: RedisLink,
  { config, recordsMax, ...options }: Omit<ResponseStoresOptions, 'link'>,
): ResponseStores {
  const { prefix } = config;
  const actions = createActionStore(link, prefix, recordsMax);
  const audit = createAuditStore(link, prefix, options.auditTopic);
  const queue = createActionQueue({ ...options, config, link });
  return {
    decisions: createDecisionStore(link, prefix, recordsMax),
    actions,
    verdicts: createVerdictStore(link, prefix),
    deliveries: createDeliveryStore(link, prefix),
    reports: createReportStore(link, prefix),
    seals: createSealStore(link, prefix),
    audit,
    flag: (name) => createFlag(link, prefix, name),
    queue,
    trouble: () => link.trouble(),
    async close() {
      audit.close();
      await queue.close();
      link.close();
    },
  };
}
