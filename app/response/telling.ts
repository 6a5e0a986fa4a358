/** What people are told of the response: audit log and its heads, channels, the log of this process. */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import type { DeliveryStore } from '../../core/alert.ts';
import type { AuditLog, AuditStore } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import type { Decision } from '../../core/decision.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { AuditCheck, ChannelCheck } from '../../core/response.ts';
import { createAuditLog } from '../../responders/audit.ts';
import {
  createHeadsPublisher,
  HEADS_EVERY_MS,
  type HeadsPublisher,
  readHeads,
} from '../../responders/audit-heads.ts';
import { verifyAudit } from '../../responders/audit-verify.ts';
import { createChannel } from '../../responders/channels/list.ts';
import { Deliveries } from '../../responders/deliveries.ts';
import type { PolicyHolder } from '../../responders/policy-holder.ts';
import type { Logger } from '../contract.ts';
import { AlertBook } from './alert-book.ts';
import type { Teller } from './response.ts';

export interface TellingOptions {
  readonly config: Config;
  readonly store: AuditStore & DeliveryStore;
  /** Folder that relative paths are resolved against. */
  readonly folder: string;
  /** '' where nobody knows. */
  consumerOf(subjectId: string): string;
  /** Decisions about a key that are held, wait or stand. */
  openOf(subjectId: string): readonly Decision[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Telling {
  readonly audit: AuditLog;
  readonly teller: Teller;
  readonly book: AlertBook;
  readonly deliveries: Deliveries;
  /** The policy file was read anew; `taken`: and is in force. */
  policy(holder: PolicyHolder, taken: boolean): void;
  start(): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
  /** Once a second. */
  tick(now: number): Promise<void>;
  verifyAudit(): Promise<AuditCheck[]>;
  testChannels(name: string | undefined): Promise<ChannelCheck[]>;
}

export function createTelling(options: TellingOptions): Telling {
  const { config, store, clock, logger, folder } = options;
  const audit = createAuditLog({ store, writer: writerName() });
  const channels = config.channels.map((settings) => ({
    config: settings,
    channel: createChannel(settings, {
      now: () => clock.now(),
      log: (facts, text) => logger.warn(facts, text),
    }),
  }));
  const deliveries = new Deliveries({
    channels,
    store,
    clock,
    random: () => randomInt(2 ** 32) / 2 ** 32,
    onLost: (channel, { alerts }, reason) =>
      logger.error({ channel, alerts: alerts.map(({ id }) => id) }, `not delivered: ${reason}`),
    onFailure: (channel, _, result) =>
      logger.warn({ channel }, result.sent ? 'sent' : `not delivered yet: ${result.reason}`),
    onStoreError: (error) => logger.error({ err: error }, 'deliveries cannot be kept'),
  });
  const book = new AlertBook({
    ...{ clock, logger, consumerOf: options.consumerOf, openOf: options.openOf },
    tell: (alert) => void deliveries.tell(alert),
  });
  const heads = publisherOf(options);
  // At once: a process that never lives for an hour would publish nothing.
  let publishAt = clock.now();
  return {
    audit,
    teller: book,
    book,
    deliveries,
    policy(holder, taken) {
      const { policy, fault = '' } = holder;
      if (taken) logger.info({ policy: policy.version }, 'the policy has changed');
      else logger.error({ policy: policy.version }, `the policy stays as it was: ${fault}`);
      book.health({
        id: 'health-policy',
        state: taken ? 'resolved' : 'firing',
        severity: 'high',
        title: 'the policy file is not used',
        text: taken ? 'It is used again.' : `What was in force stays in force. ${fault}`,
        at: clock.now(),
      });
      const what = taken ? 'policy-changed' : 'policy-refused';
      const why = taken ? `version ${policy.version}` : fault;
      audit
        .record({ who: 'keyhound', what, subject: '', why, at: clock.now(), evidence: {} })
        .catch((error: unknown) => logger.error({ err: error }, 'the audit log cannot be written'));
    },
    start: () => deliveries.restore(),
    run: (signal) => deliveries.run(signal),
    async tick(now) {
      if (heads === undefined || now < publishAt) return;
      publishAt = now + HEADS_EVERY_MS;
      await heads.publish();
    },
    async verifyAudit() {
      const file = config.audit.headsPath;
      const published = file === undefined ? [] : (await headsIn(path.resolve(folder, file))).heads;
      return verifyAudit(store, published);
    },
    async testChannels(name) {
      const names = name === undefined ? config.channels.map((one) => one.name) : [name];
      return Promise.all(names.map((one) => testOf(one, deliveries)));
    },
  };
}

/** Nothing was published yet: then there is nothing to compare with. */
async function headsIn(file: string) {
  try {
    return await readHeads(file);
  } catch (error) {
    if (error instanceof KeyhoundError && isAbsent(error.cause)) return { heads: [], damaged: 0 };
    throw error;
  }
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

async function testOf(name: string, deliveries: Deliveries): Promise<ChannelCheck> {
  const result = await deliveries.test(name, AbortSignal.timeout(15_000));
  return { name, ok: result.sent, detail: result.sent ? 'taken' : result.reason };
}

function publisherOf({ config, store, clock, folder }: TellingOptions): HeadsPublisher | undefined {
  const { headsPath } = config.audit;
  if (headsPath === undefined) return undefined;
  return createHeadsPublisher({ store, path: path.resolve(folder, headsPath), clock });
}

/** One chain a host: a process that takes the place of another goes on with it. */
function writerName(): string {
  return hostname().replace(/[^A-Za-z0-9._-]/g, '-') || 'keyhound';
}
