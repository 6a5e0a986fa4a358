/**
 * Since when each rung is switched on, for whoever responds next: its own disk knows nothing of it where another host
 * has responded, and what was found before it took over would count as older than the switch.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HolderFacts } from '../../responders/policy-holder.ts';
import type { Logger } from '../contract.ts';

const RETRY_MS = 2000;

/** Driver: store/redis/response/flag.ts. */
interface Shared {
  read(): Promise<HolderFacts | undefined>;
  write(facts: HolderFacts): Promise<void>;
}

export interface SharedFacts {
  /** As the one that responded last has left them. */
  readonly saved: HolderFacts | undefined;
  /** Returns at once; what cannot be written is tried again, the latest only. */
  keep(facts: HolderFacts): void;
}

/** Rejects while Redis is away. */
export async function openSharedFacts(
  shared: Shared,
  logger: Pick<Logger, 'warn'>,
  signal: AbortSignal,
  retryMs = RETRY_MS,
): Promise<SharedFacts> {
  const saved = await shared.read();
  let latest: HolderFacts | undefined;
  let isWriting = false;
  const write = async (): Promise<void> => {
    let isTold = false;
    while (latest !== undefined && !signal.aborted) {
      const facts = latest;
      try {
        await shared.write(facts);
        if (latest === facts) latest = undefined;
      } catch (error) {
        if (!isTold) logger.warn({ err: error }, 'others do not know since when rungs are on');
        isTold = true;
        await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
    isWriting = false;
  };
  return {
    saved,
    keep(facts) {
      latest = facts;
      if (isWriting) return;
      isWriting = true;
      void write();
    },
  };
}
