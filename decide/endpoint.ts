/** The decision endpoint put together: verdicts, limits, what survives a restart, and the server. */
import path from 'node:path';
import type { TlsOptions } from 'node:tls';
import { type Clock, toIsoOrNull } from '../core/clock.ts';
import type { DecideConfig } from '../core/config-response.ts';
import type { LimitStore } from '../core/limits.ts';
import type { VerdictStore } from '../core/verdict.ts';
import type { Geography } from '../enrich/geography.ts';
import type { KeyFacts, LimitFacts } from './contract.ts';
import { type Counters, createCounters } from './counters.ts';
import { createDecider } from './decider.ts';
import type { KeyNames } from './key-names.ts';
import { Limits } from './limits.ts';
import { createLayersOf } from './limits-compose.ts';
import type { Layer } from './limits-layers.ts';
import { learnedLimit } from './limits-learned.ts';
import { SavedLimits } from './limits-saved.ts';
import { SharedLimits } from './limits-shared.ts';
import { Load } from './load.ts';
import { createDecideMetrics } from './metrics.ts';
import { createUseReader } from './profiled-use.ts';
import { type Health, startDecideServer } from './server.ts';
import { VerdictTable } from './verdicts.ts';

/** Without a store for so long the verdicts are old; they are served all the same. */
const STALE_MS = 30_000;
const LOOK_MS = 1000;

export interface DecideOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsOptions | undefined;
  readonly settings: DecideConfig;
  readonly trustedProxies: readonly string[];
  readonly geography: Geography;
  /** Where verdicts and buckets are kept across restarts; undefined: nowhere. */
  readonly folder: string | undefined;
  readonly store: VerdictStore;
  /** Where nodes share their buckets, and the name of this one; undefined: it is alone. */
  readonly shared?: { readonly store: LimitStore; readonly node: string } | undefined;
  readonly names: KeyNames;
  readonly facts: LimitFacts;
  readonly clock: Clock;
  onError(error: unknown): void;
}

export interface DecideStatus {
  readonly verdicts: number;
  /** Epoch ms; undefined: the store was not read since the start. */
  readonly verdictsReadAt: number | undefined;
  readonly buckets: number;
  readonly forgottenBuckets: number;
  /** Since when the store of limits is away, epoch ms. */
  readonly limitsAwaySince: number | undefined;
  /** By how much limits fall for the load; 1: not at all. */
  readonly shedFactor: number;
  readonly counters: Counters;
}

/** The limits of a key, for people. */
export interface KeyLimitsView {
  readonly layers: readonly Layer[];
  /** What the learned limit is from; undefined while too little is known of the key. */
  readonly learned: string | undefined;
}

export interface DecideEndpoint {
  readonly url: string;
  readonly port: number;
  status(): DecideStatus;
  health(): Health;
  limitsOf(keyId: string): KeyLimitsView;
  /** Looks at the load, as it does each second by itself. */
  look(): void;
  close(): Promise<void>;
}

/** Listens; the verdicts that were saved hold from the first request on. Rejects as `startDecideServer` does. */
export async function startDecide(options: DecideOptions): Promise<DecideEndpoint> {
  const { clock, settings, onError } = options;
  const counters = createCounters();
  const load = new Load(settings.shed, clock);
  const layersOf = createLayersOf(settings, () => load.factor);
  const limits = new Limits({ layersOf, facts: (ids) => joined(options.facts, ids) });
  const verdicts = new VerdictTable({
    ...{ store: options.store, clock, onError },
    path: inFolder(options, 'verdicts.ndjson'),
  });
  const readUse = createUseReader({ ...options, routes: settings.containRoutes });
  const decide = createDecider({ clock, names: options.names, verdicts, limits, readUse });
  await verdicts.start();
  const kept = keepLimits(options, limits, verdicts);
  const health = (): Health => healthOf(verdicts, kept.shared?.awaySince, clock.now());
  const tellLoad = (value: number) => load.tell(value);
  const status = (): DecideStatus => ({
    verdicts: verdicts.size,
    verdictsReadAt: verdicts.readAt,
    buckets: limits.size,
    forgottenBuckets: limits.forgotten,
    limitsAwaySince: kept.shared?.awaySince,
    shedFactor: load.factor,
    counters,
  });
  const metrics = createDecideMetrics(status, clock);
  const parts = { decide, health, tellLoad, metrics, counters };
  const server = await startDecideServer({ ...options, ...parts }).catch(async (error: unknown) => {
    await verdicts.close();
    throw error;
  });
  kept.shared?.start();
  const look = (): void => {
    if (load.look()) limits.renew();
  };
  const looks = setInterval(look, LOOK_MS).unref();
  return {
    ...{ url: server.url, port: server.port, health, look, status },
    limitsOf: (keyId) => viewOf(options, layersOf, keyId),
    async close() {
      clearInterval(looks);
      await server.close();
      await kept.close();
      await verdicts.close();
    },
  };
}

interface KeptLimits {
  readonly shared: SharedLimits | undefined;
  close(): Promise<void>;
}

/** Takes up the buckets of the last run. Shared ones are the store's; they are kept for when it is away. */
function keepLimits(options: DecideOptions, limits: Limits, verdicts: VerdictTable): KeptLimits {
  const { clock, onError } = options;
  const { shared: by } = options;
  const shared = by === undefined ? undefined : new SharedLimits({ ...by, limits, clock, onError });
  const path = inFolder(options, 'limits.ndjson');
  const saved =
    path === undefined ? undefined : new SavedLimits({ limits, path, verdicts, clock, onError });
  saved?.start();
  return {
    shared,
    async close() {
      await shared?.close();
      await saved?.close();
    },
  };
}

function inFolder({ folder }: DecideOptions, name: string): string | undefined {
  return folder === undefined ? undefined : path.join(folder, name);
}

function viewOf(
  { clock, facts, settings }: DecideOptions,
  layersOf: ReturnType<typeof createLayersOf>,
  keyId: string,
): KeyLimitsView {
  const known = facts(keyId);
  const layers = layersOf(known, clock.now());
  const plan = layersOf({ plan: known?.plan }, clock.now());
  return { layers, learned: learnedLimit(known, settings.learned.factor, plan)?.evidence };
}

/** A key may be known by several ids: what one does not say, another may. */
function joined(facts: LimitFacts, ids: readonly string[]): KeyFacts | undefined {
  let all: KeyFacts | undefined;
  for (const id of ids) {
    const found = facts(id);
    if (found === undefined) continue;
    const said = Object.entries(found).filter(([, value]) => value !== undefined);
    all = { ...Object.fromEntries(said), ...all };
  }
  return all;
}

/** With a store away it goes on with what it has: ready, and it says so. Where no verdicts were ever read it is not. */
function healthOf(
  { isKnown, readAt, size }: VerdictTable,
  limitsAwaySince: number | undefined,
  now: number,
): Health {
  const isStale = readAt === undefined || now - readAt > STALE_MS;
  const says = [
    ...(isStale ? ['the store of verdicts is away; the last verdicts known hold'] : []),
    ...(limitsAwaySince === undefined
      ? []
      : ['the store of limits is away; this node enforces its last share']),
  ];
  return {
    ready: isKnown,
    detail: {
      verdicts: size,
      verdictsReadAt: toIsoOrNull(readAt),
      ...(says.length > 0 && { says }),
    },
  };
}
