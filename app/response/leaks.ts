/** Reports of leaks, from the listener to all who must know: the desk, detection, people. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alert } from '../../core/alert.ts';
import type { Clock } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import type { LeakNotice } from '../../core/control.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { SubjectName } from '../../core/finding.ts';
import type { LeakReport, ReportStore } from '../../core/report.ts';
import { heldReportAlert } from '../../responders/alert-texts.ts';
import {
  createLeakTrigger,
  type LeakTriggerStats,
  type ReportedKey,
} from '../../responders/triggers/leak.ts';
import { type HooksServer, startHooksServer } from '../../responders/triggers/server.ts';
import type { Logger } from '../contract.ts';
import { listenerTls } from '../listener-tls.ts';

/** What could not be handed on is tried again after this, ms. */
const AGAIN_MS = 5000;

export interface KnownKey {
  readonly consumer: string;
}

export interface LeaksOptions {
  readonly config: Pick<Config, 'hooks' | 'listen' | 'tls' | 'trustedProxies'>;
  readonly store: ReportStore;
  /** Ids that a raw key (one character a byte) may be known by; decide/key-names.ts. */
  names(rawKey: string): readonly string[];
  /**
   * Of which of these keys detection has a record, in their order, and whose they are as far as their traffic says
   * ('': it does not). Rejects where that cannot be told now: the sender is to come again.
   */
  known(ids: readonly string[]): Promise<readonly (KnownKey | undefined)[]>;
  readonly directory: KeyDirectory;
  /** The desk decides; resolves when its decision is kept. */
  report(report: LeakReport): Promise<void>;
  /** A control record `leak`; resolves when it is in the sequence. */
  control(notice: LeakNotice): Promise<void>;
  tell(alert: Alert): void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Leaks extends HooksServer {
  stats(): LeakTriggerStats;
  /** When all that was received has been handed on, or was tried. */
  settled(): Promise<void>;
  /** Until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

/** Undefined without a sender: nothing listens. */
export async function startLeaks(options: LeaksOptions): Promise<Leaks | undefined> {
  const { clock, config, logger, store } = options;
  if (config.hooks.leak.length === 0) return undefined;
  const onError = (error: unknown): void =>
    logger.warn({ err: error }, 'a report of a leak could not be kept or handed on');
  const trigger = createLeakTrigger({
    senders: config.hooks.leak,
    store,
    clock,
    identify: (raw) => keysOf(raw, options),
    onReport: (report) => handOn(report, options),
    onError,
  });
  const colon = config.listen.hooks.lastIndexOf(':');
  const server = await startHooksServer({
    host: config.listen.hooks.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(config.listen.hooks.slice(colon + 1)),
    tls: listenerTls(config.tls.hooks),
    clock,
    triggers: [trigger],
    trustedProxies: config.trustedProxies,
    onError,
  });
  return {
    ...server,
    stats: () => trigger.stats(),
    settled: () => trigger.settled(),
    async run(signal) {
      while (!signal.aborted) {
        await trigger.resume().catch(onError);
        await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    },
    async close() {
      await server.close();
      await trigger.settled();
    },
  };
}

/** Every id is looked up, known or not, so that the time it takes says nothing. */
async function keysOf(
  raw: string,
  { directory, known, names }: LeaksOptions,
): Promise<ReportedKey[]> {
  const ids = names(Buffer.from(raw, 'utf8').toString('latin1'));
  const found = await known(ids);
  return ids.flatMap((id, i): ReportedKey[] => {
    const entry = directory.entry(id);
    if (entry === undefined && found[i] === undefined) return [];
    const consumer = entry?.consumer ?? found[i]?.consumer ?? '';
    return [{ id, consumer, isPublic: entry?.exposure === 'public' }];
  });
}

/** The desk first: what leaked is used by then. All of it may come again, and does nothing twice. */
async function handOn(report: LeakReport, options: LeaksOptions): Promise<void> {
  const { control, directory, known, logger, tell } = options;
  const { deliveryId, foundAt, heldBy, sender, source, subjectId, url } = report;
  logger.warn(
    { key: subjectId, sender, report: deliveryId, heldBy },
    'a key was reported as leaked',
  );
  await options.report(report);
  if (heldBy === undefined) {
    await control({
      key: subjectId,
      sender,
      deliveryId,
      ...(url === undefined ? {} : { url }),
      ...(source === undefined ? {} : { source }),
      ...(foundAt === undefined ? {} : { foundAt }),
    });
    return;
  }
  const entry = directory.entry(subjectId);
  const label = entry?.label;
  const subject: SubjectName = {
    kind: 'key',
    id: subjectId,
    ...(label === undefined ? {} : { label }),
  };
  const consumer = entry?.consumer ?? (await known([subjectId]))[0]?.consumer ?? '';
  tell(heldReportAlert(report, heldBy, subject, consumer));
}
