/**
 * Which one of several processes does what only one may do. A lease ends by the clock of Redis; its holder gives up
 * earlier by its own, so that two never hold it as long as both clocks run alike.
 *
 *   PREFIX:lease:NAME   hash  holder, until (ms of Redis' clock)
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConfig } from '../../core/config.ts';
import { connectRedis } from './connection.ts';
import { defineScript, type Script } from './script.ts';

const LEASE_MS = 10_000;
/** Of the lease: renewed after this part, given up after that one without an answer. */
const RENEW = 0.25;
const GIVE_UP = 0.75;

const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder, until_ = unpack(redis.call('HMGET', KEYS[1], 'holder', 'until'))
if holder and holder ~= ARGV[1] and tonumber(until_) > now then return 0 end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', now + ARGV[2])
return 1
`;

const RELEASE = `
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`;

export interface Held {
  /** Aborts when it is another's, or may be. */
  readonly lost: AbortSignal;
  /** Lets another have it at once. Does not reject. */
  release(): Promise<void>;
}

export interface Lease {
  /** Waits for it, also while Redis is away; undefined when the signal came first. */
  acquire(signal: AbortSignal): Promise<Held | undefined>;
  /** Why nobody can have it just now: Redis is away, or refuses. */
  trouble(): string | undefined;
  close(): void;
}

export interface LeaseOptions {
  readonly leaseMs?: number;
}

export async function openLease(
  config: RedisConfig,
  name: string,
  { leaseMs = LEASE_MS }: LeaseOptions = {},
): Promise<Lease> {
  const commandTimeoutMs = Math.ceil(leaseMs * RENEW);
  const link = await connectRedis(config, { triesMax: 1, commandTimeoutMs });
  const key = `${config.prefix}:lease:${name}`;
  const take = defineScript(link, 'keyhoundLeaseTake', TAKE, 1);
  const release = defineScript(link, 'keyhoundLeaseRelease', RELEASE, 1);
  /** Why it could not be taken or renewed when that was tried last: a full Redis answers, and takes nothing. */
  let refusal: string | undefined;
  const taken = async (holder: string): Promise<boolean> => {
    try {
      const isOurs = await take([key], holder, leaseMs);
      refusal = undefined;
      return isOurs === 1;
    } catch (error) {
      refusal = error instanceof Error ? error.message : String(error);
      throw error;
    }
  };
  return {
    async acquire(signal) {
      // A late command of one that has given up takes it for somebody who is nobody, until it ends.
      const holder = randomUUID();
      while (!signal.aborted) {
        const askedAt = performance.now();
        const isOurs = await taken(holder).catch(() => false);
        if (isOurs) return hold({ key, holder, leaseMs, taken, release }, askedAt);
        await delay(leaseMs * RENEW, undefined, { signal }).catch(() => undefined);
      }
      return undefined;
    },
    trouble: () => link.trouble()?.message ?? refusal,
    close: () => link.close(),
  };
}

interface Hold {
  readonly key: string;
  readonly holder: string;
  readonly leaseMs: number;
  /** Rejects when Redis did not answer or refused. */
  readonly taken: (holder: string) => Promise<boolean>;
  readonly release: Script;
}

function hold({ key, holder, leaseMs, taken, release }: Hold, askedAt: number): Held {
  const lost = new AbortController();
  let keptAt = askedAt;
  const renew = () => {
    if (performance.now() - keptAt > leaseMs * GIVE_UP) return end();
    const asked = performance.now();
    taken(holder).then(
      (isOurs) => {
        if (!isOurs) end();
        else keptAt = Math.max(keptAt, asked);
      },
      () => undefined,
    );
  };
  const timer = setInterval(renew, leaseMs * RENEW);
  function end(): void {
    clearInterval(timer);
    lost.abort();
  }
  return {
    lost: lost.signal,
    async release() {
      end();
      await release([key], holder).catch(() => undefined);
    },
  };
}
