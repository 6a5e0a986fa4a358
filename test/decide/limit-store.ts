/** A store of shared buckets in memory, for tests of those who use one. */
import {
  type LimitGrant,
  type LimitStore,
  refilled,
  SHARE_HALF_LIFE_MS,
} from '../../core/limits.ts';

interface Shared {
  tokens: number;
  at: number;
  readonly demand: Map<string, { wanted: number; at: number }>;
}

export interface MemoryLimitStore extends LimitStore {
  /** Tokens of a bucket as they were after the last report. */
  tokens(bucket: string): number | undefined;
  away: boolean;
  rounds: number;
}

export function limitsInMemory(now: () => number): MemoryLimitStore {
  const buckets = new Map<string, Shared>();
  const store: MemoryLimitStore = {
    away: false,
    rounds: 0,
    tokens: (bucket) => buckets.get(bucket)?.tokens,
    async take(node, reports) {
      if (store.away) throw new Error('away');
      store.rounds += 1;
      return reports.map(({ bucket, limit, taken, wanted, begins }): LimitGrant => {
        const at = now();
        const known = buckets.get(bucket) ?? {
          ...{ tokens: begins ?? limit.requests, at, demand: new Map() },
        };
        buckets.set(bucket, known);
        const tokens = refilled(known.tokens, limit, at - known.at) - taken;
        known.tokens = Math.max(-limit.requests, tokens);
        known.at = at;
        const faded = (one: { wanted: number; at: number } | undefined): number =>
          one === undefined ? 0 : one.wanted * 0.5 ** ((at - one.at) / SHARE_HALF_LIFE_MS);
        known.demand.set(node, { wanted: faded(known.demand.get(node)) + wanted, at });
        const all = [...known.demand.values()].reduce((sum, one) => sum + faded(one), 0);
        const share = all === 0 ? 1 : faded(known.demand.get(node)) / all;
        return { left: known.tokens, share: Math.max(0.001, share) };
      });
    },
    close: async () => undefined,
  };
  return store;
}
