/** The decision endpoint put together: verdicts, limits, what survives a restart, and the server. */
import path from 'node:path';
import type { TlsOptions } from 'node:tls';
import { type Clock, toIsoOrNull } from '../core/clock.ts';
import type { DecideConfig } from '../core/config-response.ts';
import type { VerdictStore } from '../core/verdict.ts';
import type { Geography } from '../enrich/geography.ts';
import type { KeyFacts, LimitFacts } from './contract.ts';
import { createDecider } from './decider.ts';
import type { KeyNames } from './key-names.ts';
import { Limits } from './limits.ts';
import { planLayers } from './limits-layers.ts';
import { createUseReader } from './profiled-use.ts';
import { type DecideServer, type Health, startDecideServer } from './server.ts';
import { VerdictTable } from './verdicts.ts';

/** Without a store for so long the verdicts are old; they are served all the same. */
const STALE_MS = 30_000;

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
  readonly names: KeyNames;
  readonly facts: LimitFacts;
  readonly clock: Clock;
  metrics?(): Promise<{ readonly type: string; readonly text: string }>;
  onError(error: unknown): void;
}

export interface DecideStatus {
  readonly verdicts: number;
  /** Epoch ms; undefined: the store was not read since the start. */
  readonly verdictsReadAt: number | undefined;
  readonly buckets: number;
  readonly forgottenBuckets: number;
  readonly counters: DecideServer['counters'];
}

export interface DecideEndpoint {
  readonly url: string;
  readonly port: number;
  status(): DecideStatus;
  health(): Health;
  close(): Promise<void>;
}

/** Listens; the verdicts that were saved hold from the first request on. Rejects as `startDecideServer` does. */
export async function startDecide(options: DecideOptions): Promise<DecideEndpoint> {
  const { clock, settings, folder, onError } = options;
  const verdicts = new VerdictTable({
    ...{ store: options.store, clock, onError },
    path: folder === undefined ? undefined : path.join(folder, 'verdicts.ndjson'),
  });
  const planOf = planLayers(settings.limits);
  const limits = new Limits({
    layersOf: (facts) => planOf(facts?.plan ?? ''),
    facts: (ids) => firstOf(options.facts, ids),
  });
  const readUse = createUseReader(options);
  const decide = createDecider({ clock, names: options.names, verdicts, limits, readUse });
  await verdicts.start();
  const health = (): Health => healthOf(verdicts, clock.now());
  const server = await startDecideServer({ ...options, settings, decide, health });
  return {
    url: server.url,
    port: server.port,
    health,
    status: () => ({
      verdicts: verdicts.size,
      verdictsReadAt: verdicts.readAt,
      buckets: limits.size,
      forgottenBuckets: limits.forgotten,
      counters: server.counters,
    }),
    async close() {
      await server.close();
      await verdicts.close();
    },
  };
}

function firstOf(facts: LimitFacts, ids: readonly string[]): KeyFacts | undefined {
  for (const id of ids) {
    const found = facts(id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** With the store away it goes on with what it has: ready, and it says so. Where none were ever read it is not. */
function healthOf({ isKnown, readAt, size }: VerdictTable, now: number): Health {
  const isStale = readAt === undefined || now - readAt > STALE_MS;
  return {
    ready: isKnown,
    detail: {
      verdicts: size,
      verdictsReadAt: toIsoOrNull(readAt),
      ...(isStale && { says: 'the store of verdicts is away; the last verdicts known hold' }),
    },
  };
}
