/** Calls to a gateway's API, no more a second than it bears. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';

/** Resolves when so many calls may be made; rejects at the signal. */
export type Pacer = (gateway: PacedGateway, calls: number, signal: AbortSignal) => Promise<void>;

export interface PacedGateway {
  readonly name: string;
  readonly callsPerSecond: number;
}

type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** Of one process. A second's calls may come at once after a rest. */
export function createPacer(clock: Clock, wait: Wait = waitFor): Pacer {
  /** By gateway: when the calls that were let through will have been paid for. */
  const paidAt = new Map<string, number>();
  return async ({ name, callsPerSecond }, calls, signal) => {
    const now = clock.now();
    const from = Math.max(paidAt.get(name) ?? 0, now - 1000);
    const until = from + (calls * 1000) / callsPerSecond;
    paidAt.set(name, until);
    const waitMs = until - now;
    if (waitMs > 0) await wait(waitMs, signal);
  };
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}
