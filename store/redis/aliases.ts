/**
 * Which credential a raw key belongs to, from the `ingest` that saw both to everybody who meets only one of the two.
 *
 *   PREFIX:{aliases}:bound     hash    digest of the raw key (hex) → id that it is bound to
 *   PREFIX:{aliases}:changes   stream  raw, id
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { connectRedis, type RedisLink } from './connection.ts';
import { defineScript } from './script.ts';

/** Who was away for more changes than these reads the whole anew. */
const CHANGES_MAX = 10_000;
const PUT_AT_ONCE = 500;
const PAGE = 500;
const READ_AT_ONCE = 500;
/** Shorter than a command may take. */
const BLOCK_MS = 1000;
const AGAIN_MS = 500;

/** A repeat, or a late one, says what is there already, or once more what was true. */
const PUT = `
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ${CHANGES_MAX}, '*', 'raw', ARGV[i], 'id', ARGV[i + 1])
  end
end
return 1
`;

/** `h:` id of a raw key, and the id that it is bound to. */
export type Binding = readonly [rawId: string, id: string];

export interface AliasWriter {
  put(bindings: readonly Binding[]): Promise<void>;
  close(): void;
}

export async function openAliasWriter(config: RedisConfig): Promise<AliasWriter> {
  const link = await connectRedis(config, { triesMax: 1 });
  const put = defineScript(link, 'keyhoundAliasesPut', PUT, 2);
  const keys = keysOf(config);
  return {
    async put(bindings) {
      for (let at = 0; at < bindings.length; at += PUT_AT_ONCE) {
        const some = bindings.slice(at, at + PUT_AT_ONCE);
        await put(keys, ...some.flatMap(([rawId, id]) => [rawId.slice(2), id]));
      }
    },
    close: () => link.close(),
  };
}

export interface AliasFollower {
  /** Undefined while changes are heard of; else why not, in words. */
  trouble(): string | undefined;
  close(): Promise<void>;
}

/** Tells of every binding that there is, and of each that comes; some may come twice. Redis may be away. */
export function followAliases(
  config: RedisConfig,
  onBindings: (bindings: readonly Binding[]) => void,
): AliasFollower {
  const stop = new AbortController();
  let trouble: string | undefined = 'not connected yet';
  const following = follow(config, stop.signal, onBindings, (why) => {
    trouble = why;
  });
  return {
    trouble: () => trouble,
    async close() {
      stop.abort();
      await following;
    },
  };
}

async function follow(
  config: RedisConfig,
  signal: AbortSignal,
  onBindings: (bindings: readonly Binding[]) => void,
  say: (trouble: string | undefined) => void,
): Promise<void> {
  while (!signal.aborted) {
    let link: RedisLink | undefined;
    try {
      link = await connectRedis(config, { triesMax: 1 });
      // From here on changes are heard of; what was missed meanwhile is in the whole.
      let after = await lastChange(link, config);
      await readAll(link, config, onBindings);
      for (;;) {
        say(undefined);
        after = await hear(link, config, after, onBindings);
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

async function readAll(
  { redis, insist }: RedisLink,
  config: RedisConfig,
  onBindings: (bindings: readonly Binding[]) => void,
): Promise<void> {
  const [bound] = keysOf(config);
  let cursor = '0';
  do {
    const from = cursor;
    const [next, flat] = await insist(() => redis.hscan(bound, from, 'COUNT', PAGE));
    cursor = next;
    const bindings: Binding[] = [];
    for (let i = 0; i < flat.length; i += 2) bindings.push([`h:${flat[i]!}`, flat[i + 1]!]);
    onBindings(bindings);
  } while (cursor !== '0');
}

async function lastChange({ redis, insist }: RedisLink, config: RedisConfig): Promise<string> {
  const [, changes] = keysOf(config);
  const [last] = await insist(() => redis.xrevrange(changes, '+', '-', 'COUNT', 1));
  return last?.[0] ?? '0-0';
}

async function hear(
  { redis, insist }: RedisLink,
  config: RedisConfig,
  after: string,
  onBindings: (bindings: readonly Binding[]) => void,
): Promise<string> {
  const [, changes] = keysOf(config);
  const heard = await insist(() =>
    redis.xread('COUNT', READ_AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', changes, after),
  );
  let last = after;
  for (const [, rows] of heard ?? []) {
    onBindings(rows.map(([, [, raw = '', , id = '']]) => [`h:${raw}`, id] as const));
    last = rows.at(-1)?.[0] ?? last;
  }
  return last;
}

function keysOf({ prefix }: RedisConfig): [bound: string, changes: string] {
  return [`${prefix}:{aliases}:bound`, `${prefix}:{aliases}:changes`];
}
