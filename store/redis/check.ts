/** Is this Redis fit to hold the state? Asks, changes nothing. For `keyhound doctor`. */
import type { Clock } from '../../core/clock.ts';
import type { RedisConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { connectRedis, type RedisLink } from './connection.ts';
import { metaKey } from './keys.ts';
import { type Identity, refuseOthers } from './state.ts';

export interface StoreCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** HSET of several fields and what scripts need are older; 6.2 is the oldest that is still looked after. */
const VERSION_MIN = [6, 2] as const;
const PINGS = 9;
const LATENCY_MS_MAX = 50;
const SKEW_MS_MAX = 2000;
/** Of maxmemory: beyond it there is no room for a copy on write and a busy day. */
const MEMORY_SHARE_MAX = 0.8;

/** `ours`: what the state in it must be of, to be taken on. */
export async function checkRedis(
  config: RedisConfig,
  clock: Clock,
  ours?: Identity,
): Promise<StoreCheck[]> {
  let link: RedisLink | undefined;
  try {
    link = await connectRedis(config, { triesMax: 1 });
    const info = await readInfo(link);
    return [
      await checkServer(link, info),
      checkPersistence(info, await fsyncPolicy(link)),
      checkMemory(info),
      await checkClock(link, clock),
      ...(ours === undefined ? [] : [await checkOwner(link, config.prefix, ours)]),
    ];
  } catch (error) {
    return [failure('redis', error)];
  } finally {
    link?.close();
  }
}

function failure(name: string, error: unknown): StoreCheck {
  if (!(error instanceof KeyhoundError)) throw error;
  const { message: detail, hint } = error;
  return { name, ok: false, detail, ...(hint === undefined ? {} : { hint }) };
}

/** The same words as those with which a process refuses to start. */
async function checkOwner(
  { redis, insist }: RedisLink,
  prefix: string,
  ours: Identity,
): Promise<StoreCheck> {
  const name = 'redis state';
  const kept = await insist(() => redis.hmget(metaKey(prefix), 'layout', 'partitions', 'pepper'));
  const [layout, partitions, pepper] = kept;
  if (layout == null || partitions == null || pepper == null) {
    return { name, ok: true, detail: `none yet under ${prefix}:` };
  }
  try {
    refuseOthers(prefix, ours, {
      layout: Number(layout),
      partitions: Number(partitions),
      pepper,
    });
  } catch (error) {
    return failure(name, error);
  }
  const changing = pepper === ours.pepperFingerprint ? '' : '; the pepper is being changed';
  return { name, ok: true, detail: `of ${partitions} partitions and our pepper${changing}` };
}

type Info = ReadonlyMap<string, string>;

/** `INFO`, as `name:value` lines. */
async function readInfo({ redis, insist }: RedisLink): Promise<Info> {
  const text = await insist(() => redis.info());
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}

async function checkServer({ redis, insist, place }: RedisLink, info: Info): Promise<StoreCheck> {
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const began = performance.now();
    await insist(() => redis.ping());
    times.push(performance.now() - began);
  }
  const latencyMs = times.sort((a, b) => a - b)[PINGS >> 1]!;
  const valkey = info.get('valkey_version');
  const version = valkey ?? info.get('redis_version') ?? '';
  const program = valkey === undefined ? 'Redis' : 'Valkey';
  const fault = serverFault(info, version, latencyMs);
  return {
    name: 'redis',
    ok: fault === undefined,
    detail: `${program} ${version} at ${place}, ${latencyMs.toFixed(1)} ms away${fault?.detail ?? ''}`,
    ...(fault === undefined ? {} : { hint: fault.hint }),
  };
}

function serverFault(
  info: Info,
  version: string,
  latencyMs: number,
): { readonly detail: string; readonly hint: string } | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1])) {
    return { detail: '; too old', hint: `Keyhound needs Redis ${VERSION_MIN.join('.')} or later.` };
  }
  if (info.get('cluster_enabled') === '1') {
    return {
      detail: '; a node of a cluster',
      hint: 'Point `redis.url` at a single primary, or at a proxy that speaks for the cluster.',
    };
  }
  if (info.get('role') !== 'master') {
    return { detail: '; a replica', hint: 'Point `redis.url` at the primary.' };
  }
  if (latencyMs > LATENCY_MS_MAX) {
    return { detail: '; slow', hint: 'Run it near the detect processes, and not short of CPU.' };
  }
  return undefined;
}

/** Undefined where this user may not ask. */
async function fsyncPolicy({ redis, insist }: RedisLink): Promise<string | undefined> {
  try {
    const answer = (await insist(() => redis.config('GET', 'appendfsync'))) as string[];
    return answer[1];
  } catch (error) {
    if (error instanceof KeyhoundError && error.code !== 'redis-away') return undefined;
    throw error;
  }
}

function checkPersistence(info: Info, fsync: string | undefined): StoreCheck {
  const name = 'redis persistence';
  if (info.get('aof_enabled') !== '1') {
    return {
      name,
      ok: false,
      detail:
        'AOF is off: a restart of Redis loses what was learned since its last snapshot, or all of it',
      hint: 'Set `appendonly yes` and `appendfsync everysec`.',
    };
  }
  const written = info.get('aof_last_write_status') ?? 'ok';
  const policy = fsync === undefined ? 'fsync policy not told to this user' : `fsync ${fsync}`;
  if (written !== 'ok' || fsync === 'no') {
    return {
      name,
      ok: false,
      detail: `AOF on, ${policy}, last write: ${written}`,
      hint:
        written === 'ok'
          ? 'Set `appendfsync everysec`: with `no` a power cut takes back up to half a minute.'
          : 'Look at the disk of Redis and into its log: it cannot write the AOF.',
    };
  }
  return { name, ok: true, detail: `AOF on, ${policy}` };
}

function checkMemory(info: Info): StoreCheck {
  const name = 'redis memory';
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const used = Number(info.get('used_memory') ?? 0);
  const limit = Number(info.get('maxmemory') ?? 0);
  const detail = `${mebibytes(used)} of ${limit === 0 ? 'no limit' : mebibytes(limit)}, ${policy}`;
  if (policy !== 'noeviction') {
    const hint =
      'Set `maxmemory-policy noeviction`: any other throws away what was learned of keys.';
    return { name, ok: false, detail, hint };
  }
  if (limit > 0 && used > limit * MEMORY_SHARE_MAX) {
    const hint = 'Raise maxmemory before it is full; docs/redis.md says how much a key needs.';
    return { name, ok: false, detail, hint };
  }
  return { name, ok: true, detail };
}

async function checkClock({ redis, insist }: RedisLink, clock: Clock): Promise<StoreCheck> {
  const before = clock.now();
  const [seconds, micros] = await insist(() => redis.time());
  const after = clock.now();
  const theirs = Number(seconds) * 1000 + Number(micros) / 1000;
  // Between the two readings of ours it cannot be told apart.
  const skewMs = theirs < before ? theirs - before : Math.max(0, theirs - after);
  const ok = Math.abs(skewMs) <= SKEW_MS_MAX;
  const name = 'redis clock';
  const side = skewMs < 0 ? 'behind' : 'ahead of';
  const detail = ok ? 'agrees with ours' : `${Math.round(Math.abs(skewMs))} ms ${side} ours`;
  return { name, ok, detail, ...(ok ? {} : { hint: 'Synchronise both clocks (NTP).' }) };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / (1 << 20))} MiB`;
}
