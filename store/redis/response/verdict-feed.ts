/**
 * Verdicts as `decide` follows them: a store to read, which tells of each change that any process has made. Redis may
 * be away at the start and at any time after; what was missed meanwhile is in the next whole reading.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConfig } from '../../../core/config.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import type { Verdict, VerdictStore } from '../../../core/verdict.ts';
import { connectRedis, type RedisLink } from '../connection.ts';
import { responseKey } from './keys.ts';
import { createRegister, lastChange, type Register } from './register.ts';

/** Shorter than a command may take. */
const BLOCK_MS = 1000;
const CHANGES_AT_ONCE = 500;
const AGAIN_MS = 500;
/** The whole is read again and again: no single reading is worth waiting for. */
const TRIES_MAX = 1;

/** Whoever follows puts no verdicts: that rejects. */
export interface VerdictFeed extends VerdictStore {
  /** Undefined while changes are heard of; else why not, in words. */
  trouble(): string | undefined;
  close(): Promise<void>;
}

type Listener = (key: string, verdict: Verdict | undefined) => void;

export function openVerdictFeed(config: RedisConfig): VerdictFeed {
  const listeners = new Set<Listener>();
  const stop = new AbortController();
  let trouble: string | undefined = 'not connected yet';
  let opening: Promise<Opened> | undefined;
  /** One connection for readings, which is made when it is first needed. */
  const opened = () => {
    opening ??= openRegister(config).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  const tell: Listener = (key, verdict) => {
    for (const listener of listeners) listener(key, verdict);
  };
  const following = follow(config, stop.signal, tell, (why) => {
    trouble = why;
  });
  const refuse = async () => {
    throw new KeyhoundError('usage', 'verdicts are put by the role respond', { code: 'not-here' });
  };
  return {
    putVerdict: refuse,
    removeVerdict: refuse,
    verdicts: async () => (await opened()).register.all(),
    verdictsMark: async () => (await opened()).register.lastChange(),
    verdict: async (key) => (await opened()).register.read(key),
    onVerdict(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    trouble: () => trouble,
    async close() {
      stop.abort();
      await following;
      (await opening?.catch(() => undefined))?.link.close();
    },
  };
}

interface Opened {
  readonly link: RedisLink;
  readonly register: Register<Verdict>;
}

async function openRegister(config: RedisConfig): Promise<Opened> {
  const link = await connectRedis(config, { triesMax: TRIES_MAX });
  return { link, register: createRegister<Verdict>(link, config.prefix, 'verdicts', true) };
}

async function follow(
  config: RedisConfig,
  signal: AbortSignal,
  tell: Listener,
  say: (trouble: string | undefined) => void,
): Promise<void> {
  let after: string | undefined;
  while (!signal.aborted) {
    let link: RedisLink | undefined;
    try {
      link = await connectRedis(config, { triesMax: TRIES_MAX });
      after ??= await lastChangeOf(link, config);
      for (;;) {
        after = await hear(link, config, after, tell);
        say(undefined);
        if (signal.aborted) return;
      }
    } catch (error) {
      if (!(error instanceof KeyhoundError)) throw error;
      say(error.message);
    } finally {
      link?.close();
    }
    await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

function lastChangeOf({ redis, insist }: RedisLink, { prefix }: RedisConfig): Promise<string> {
  return insist(() => lastChange(redis, responseKey(prefix, 'verdicts:changes')));
}

/** Waits for changes for a while; answers behind which to go on. */
async function hear(
  { redis, insist }: RedisLink,
  { prefix }: RedisConfig,
  after: string,
  tell: Listener,
): Promise<string> {
  const key = responseKey(prefix, 'verdicts:changes');
  const heard = await insist(() =>
    redis.xread('COUNT', CHANGES_AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', key, after),
  );
  let last = after;
  for (const [, changes] of heard ?? []) {
    for (const [id, [, name = '', , body = '']] of changes) {
      tell(name, body === '' ? undefined : (JSON.parse(body) as Verdict));
      last = id;
    }
  }
  return last;
}
