/** What the demo's gateway does with a request: as the verdicts say that the response has put. */
import type { Clock } from '../../core/clock.ts';
import { refilled } from '../../core/limits.ts';
import type { Verdict, VerdictStore } from '../../core/verdict.ts';

export interface MadeGateway {
  /** Status with which it refuses a request of the key; undefined: it passes. */
  refuses(keyId: string): 403 | 429 | undefined;
  close(): void;
}

interface Bucket {
  readonly tag: string;
  tokens: number;
  at: number;
}

export function createMadeGateway(store: VerdictStore, clock: Clock): MadeGateway {
  const verdicts = new Map<string, Verdict>();
  const buckets = new Map<string, Bucket>();
  const close = store.onVerdict((key, verdict) => {
    if (verdict === undefined) verdicts.delete(key);
    else verdicts.set(key, verdict);
  });
  return {
    close,
    refuses(keyId) {
      const verdict = verdicts.get(keyId);
      const now = clock.now();
      if (verdict === undefined || (verdict.untilAt !== null && verdict.untilAt <= now)) return;
      if (verdict.limit === undefined) return 403;
      const known = buckets.get(keyId);
      const bucket =
        known?.tag === verdict.tag
          ? known
          : { tag: verdict.tag, tokens: verdict.limit.requests, at: now };
      buckets.set(keyId, bucket);
      bucket.tokens = refilled(bucket.tokens, verdict.limit, now - bucket.at);
      bucket.at = now;
      if (bucket.tokens < 1) return 429;
      bucket.tokens -= 1;
      return undefined;
    },
  };
}
