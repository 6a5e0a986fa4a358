/**
 * The role respond. Of several processes one responds, the others wait for its lease: decisions look at all keys at
 * once (budgets, crowds, the fleet), so there is one desk. What it keeps is in Redis, so the next one goes on with it.
 * It alone holds credentials of gateways.
 */
import path from 'node:path';
import type { ResponseMetrics } from '../../console/response-metrics.ts';
import type { PartitionConsumer } from '../../core/broker.ts';
import type { ResponseClient } from '../../core/response.ts';
import { type Held, type Lease, openLease } from '../../store/redis/lease.ts';
import { openResponseStores, type ResponseStores } from '../../store/redis/response/open.ts';
import { closeEach } from '../close-all.ts';
import { createKillSwitch } from '../response/kill-switch.ts';
import { KillSwitchMirror, type SharedSwitch } from './kill-switch-mirror.ts';
import { Losses } from './losses.ts';
import type { RespondOptions, RespondTermOptions } from './respond-options.ts';
import { createStandby, type Standby } from './respond-standby.ts';
import { openRespondTerm, type RespondTerm } from './respond-term.ts';
import { RESPONDS_AT, type RespondsAt, respondsHere } from './responds-at.ts';
import { ResponsePublisher } from './response-publisher.ts';

const LEASE = 'respond';
const KILL_SWITCH = 'stopped';
const SAY_AGAIN_MS = 60_000;

export interface RespondRole {
  /** Answers for the response while this process is the one that responds. */
  client(): ResponseClient | undefined;
  /** Answers for it while this process is not. */
  readonly standby: Standby;
  readonly stores: ResponseStores;
  /** True while this process is the one that responds. */
  readonly responds: boolean;
  /** While this process is the one that responds: its figures, and what it has yet to hear of detection. */
  figures(): ResponseMetrics | undefined;
  readonly consumer: Pick<PartitionConsumer, 'lag'> | undefined;
  /** Results that were deleted before they were read. */
  readonly lost: number;
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  /** Settles when this process can go on no more. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

export async function openRespond(options: RespondOptions): Promise<RespondRole> {
  const { config: loaded, redis, kafka, logger } = options;
  const publisher = new ResponsePublisher(kafka, loaded.config.elasticsearch, logger);
  const closing: (() => Promise<void> | void)[] = [() => publisher.close()];
  const close = () => closeEach(closing);
  try {
    const stores = await openResponseStores({
      config: redis,
      auditTopic: publisher.auditTopic,
      onError: sayNowAndThen(options),
    });
    closing.push(() => stores.close());
    const lease = await openLease(redis, LEASE);
    closing.push(() => lease.close());
    const own = createKillSwitch(options.folder);
    const shared: SharedSwitch = stores.flag(KILL_SWITCH);
    const mirror = new KillSwitchMirror(own, shared, logger);
    await mirror.look();
    const losses = new Losses({
      ...{ clock: options.clock, logger },
      hint: 'Look at the incidents since. Raise kafka.retentionMs, or keep a `respond` running.',
    });
    const office = new Office(
      { ...options, folder: path.resolve(options.folder), publisher, stores, losses },
      lease,
    );
    const stop = new AbortController();
    const working = Promise.all([mirror.run(stop.signal), office.work(stop.signal)]);
    closing.push(async () => {
      stop.abort();
      await working;
    });
    return {
      client: () => office.term?.client,
      standby: createStandby({
        ...{ config: loaded, stores, killSwitch: own, clock: options.clock },
      }),
      stores,
      get responds() {
        return office.term !== undefined;
      },
      figures: () => office.term?.figures(),
      get lost() {
        return losses.total;
      },
      get consumer() {
        return office.term?.consumer;
      },
      failed: office.failed,
      trouble: () => troubles(stores, lease, office.term),
      close,
    };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** The same trouble comes every two seconds while Redis is away. */
function sayNowAndThen({ clock, logger }: RespondOptions): (gateway: string, err: Error) => void {
  const told = new Map<string, { readonly text: string; readonly at: number }>();
  return (gateway, err) => {
    const last = told.get(gateway);
    const now = clock.now();
    if (last?.text === err.message && now - last.at < SAY_AGAIN_MS) return;
    told.set(gateway, { text: err.message, at: now });
    logger.warn({ gateway, err }, 'a queue of actions has trouble');
  };
}

function troubles(
  stores: ResponseStores,
  lease: Lease,
  term: RespondTerm | undefined,
): { readonly name: string; readonly detail: string }[] {
  const found = [
    { name: 'redis', detail: stores.trouble()?.message ?? lease.trouble() },
    ...(term?.trouble() ?? []),
  ];
  return found.flatMap(({ name, detail }) => (detail === undefined ? [] : [{ name, detail }]));
}

/** Waits for its turn, responds, and waits again when it has lost it. */
class Office {
  term: RespondTerm | undefined;
  readonly failed: Promise<Error>;
  private readonly options: Omit<RespondTermOptions, 'until'>;
  private readonly lease: Lease;
  private readonly fail: (error: Error) => void;

  constructor(options: Omit<RespondTermOptions, 'until'>, lease: Lease) {
    this.options = options;
    this.lease = lease;
    const failed = Promise.withResolvers<Error>();
    this.failed = failed.promise;
    this.fail = failed.resolve;
  }

  async work(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const held = await this.lease.acquire(signal);
        if (held === undefined) return;
        try {
          await this.respond(held, AbortSignal.any([signal, held.lost]));
        } finally {
          await held.release();
        }
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.fail(error);
    }
  }

  private async respond({ lost }: Held, until: AbortSignal): Promise<void> {
    const { clock, logger, stores, url } = this.options;
    const term = await openRespondTerm({ ...this.options, until });
    const { hooks } = term;
    logger.info(hooks === undefined ? {} : { hooks }, 'this process responds');
    this.term = term;
    // What people say from then on is for the next one.
    until.addEventListener('abort', () => {
      this.term = undefined;
    });
    // For people only: nothing waits for it.
    const here = stores.flag<RespondsAt>(RESPONDS_AT).write(respondsHere(url, clock));
    here.catch((error: unknown) => {
      logger.warn({ err: error }, 'the others do not know that this process responds');
    });
    try {
      await term.ended;
    } finally {
      this.term = undefined;
      if (lost.aborted) logger.warn({}, 'this process responds no more: its lease is over');
    }
  }
}
