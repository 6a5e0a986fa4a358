/**
 * A ledger: records of JSON under ids, each with a revision by which writes are fenced, and what finds them again.
 *
 *   LEDGER:records    hash  id → JSON
 *   LEDGER:revisions  hash  id → REVISION:NONCE of the write that stands
 *   LEDGER:changed    zset  id by when the newest of what it tells was, epoch ms
 *   LEDGER:subjects   zset  SUBJECT NUL ID, all of score 0: read by range of letters
 *   LEDGER:open       set   ids with something to be done
 *   LEDGER:held       set   ids of what holds somewhere
 *
 * A write has a nonce: one that timed out and is repeated finds its own work done and says so, and one of somebody
 * else with the same revision is refused. A late one finds a revision that it does not follow.
 */
import { randomUUID } from 'node:crypto';
import type { RedisLink } from '../connection.ts';
import { defineScript } from '../script.ts';
import { NUL, responseKey } from './keys.ts';

/** Kept: beyond it the oldest go that are neither open nor held. */
const RECORDS_MAX = 100_000;
/** Looked at with each write, once there are too many. */
const TRIMMED_AT_ONCE = 10;
/** Read at once. */
const PAGE = 200;
/** Answered when a filter names no limit. */
const LIMIT_DEFAULT = 100;

/** `new`: there is none of that id. `next`: the stored revision is one below. `above`: it is lower. */
export type Fence = 'new' | 'next' | 'above';

/** Field of the hash in KEYS[7], if there is one, that counts: its next value becomes `version` of the record. */
const WRITE = `
local kept = redis.call('HGET', KEYS[2], ARGV[1])
if kept == ARGV[2] .. ':' .. ARGV[3] then return 1 end
local revision = kept and tonumber(string.match(kept, '^%d+')) or 0
if ARGV[4] == 'new' and kept then return 0 end
if ARGV[4] == 'next' and revision ~= tonumber(ARGV[2]) - 1 then return 0 end
if ARGV[4] == 'above' and revision >= tonumber(ARGV[2]) then return 0 end
local body = ARGV[5]
if ARGV[9] ~= '' then
  body = '{"version":' .. redis.call('HINCRBY', KEYS[7], ARGV[9], 1) .. ',' .. string.sub(body, 2)
end
redis.call('HSET', KEYS[1], ARGV[1], body)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ':' .. ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[6], ARGV[1])
redis.call('ZADD', KEYS[4], 0, ARGV[7] .. '\\0' .. ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
redis.call('SREM', KEYS[6], ARGV[1])
if string.find(ARGV[8], 'open') then redis.call('SADD', KEYS[5], ARGV[1]) end
if string.find(ARGV[8], 'held') then redis.call('SADD', KEYS[6], ARGV[1]) end
if redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[10]) then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, ${TRIMMED_AT_ONCE - 1})) do
    if redis.call('SISMEMBER', KEYS[5], id) == 0 and redis.call('SISMEMBER', KEYS[6], id) == 0 then
      local old = redis.call('HGET', KEYS[1], id)
      if old then redis.call('ZREM', KEYS[4], cjson.decode(old).subject.id .. '\\0' .. id) end
      redis.call('HDEL', KEYS[1], id)
      redis.call('HDEL', KEYS[2], id)
      redis.call('ZREM', KEYS[3], id)
    end
  end
end
return 1
`;

interface Kept {
  readonly id: string;
  readonly revision: number;
  readonly subject: { readonly id: string };
}

export interface LedgerWrite<R> {
  readonly record: R;
  readonly fence: Fence;
  /** Counts; see createAction. */
  readonly counter?: string;
}

export interface LedgerFilter<R> {
  readonly limit?: number | undefined;
  readonly subjectId?: string | undefined;
  /** Changed at or after, epoch ms. */
  readonly sinceAt?: number | undefined;
  /** Only those of the open set can match. */
  readonly onlyOpen?: boolean;
  matches(record: R): boolean;
}

export interface Ledger<R extends Kept> {
  write(write: LedgerWrite<R>): Promise<boolean>;
  read(id: string): Promise<R | undefined>;
  /** Newest first. */
  list(filter: LedgerFilter<R>): Promise<R[]>;
  open(): Promise<R[]>;
  held(): Promise<R[]>;
  ofSubject(subjectId: string): Promise<R[]>;
}

export interface LedgerOptions<R> {
  readonly link: RedisLink;
  readonly prefix: string;
  readonly name: string;
  changedAt(record: R): number;
  isOpen(record: R): boolean;
  isHeld?(record: R): boolean;
  readonly recordsMax?: number | undefined;
}

export function createLedger<R extends Kept>(options: LedgerOptions<R>): Ledger<R> {
  const { link, prefix, name, changedAt, recordsMax = RECORDS_MAX } = options;
  const key = (part: string) => responseKey(prefix, `${name}:${part}`);
  const parts = [
    'records',
    'revisions',
    'changed',
    'subjects',
    'open',
    'held',
    'versions',
  ] as const;
  const keys = parts.map(key);
  const write = defineScript(link, `keyhoundLedger_${name}`, WRITE, keys.length);
  const { members, ofSubject, scan } = createFinder<R>(link, key);
  const newestFirst = (records: R[]) =>
    records.sort((a, b) => changedAt(b) - changedAt(a) || (a.id < b.id ? 1 : -1));
  return {
    open: () => members('open'),
    held: () => members('held'),
    ofSubject,
    async write({ record, fence, counter = '' }) {
      const { id, revision, subject } = record;
      const sets = [options.isOpen(record) ? 'open' : '', options.isHeld?.(record) ? 'held' : ''];
      const body = JSON.stringify(record);
      const args = [id, revision, randomUUID(), fence, body, changedAt(record), subject.id];
      return (await write(keys, ...args, sets.join(' '), counter, recordsMax)) === 1;
    },
    async read(id) {
      const body = await link.insist(() => link.redis.hget(key('records'), id));
      return body === null ? undefined : (JSON.parse(body) as R);
    },
    async list({ limit = LIMIT_DEFAULT, sinceAt, subjectId, onlyOpen = false, matches }) {
      if (subjectId === undefined && !onlyOpen) return scan(limit, sinceAt, matches);
      const some = subjectId === undefined ? members('open') : ofSubject(subjectId);
      const recent = (record: R) => sinceAt === undefined || changedAt(record) >= sinceAt;
      return newestFirst(await some)
        .filter((record) => recent(record) && matches(record))
        .slice(0, limit);
    },
  };
}

function createFinder<R extends Kept>({ redis, insist }: RedisLink, key: (part: string) => string) {
  async function readAll(ids: readonly string[]): Promise<R[]> {
    const found: R[] = [];
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = ids.slice(at, at + PAGE);
      const bodies = await insist(() => redis.hmget(key('records'), ...page));
      for (const body of bodies) if (body !== null) found.push(JSON.parse(body) as R);
    }
    return found;
  }
  return {
    members: async (set: 'open' | 'held') => readAll(await insist(() => redis.smembers(key(set)))),
    async ofSubject(subjectId: string): Promise<R[]> {
      const [from, to] = [`[${subjectId}${NUL}`, `(${subjectId}\u0001`];
      const rows = await insist(() => redis.zrangebylex(key('subjects'), from, to));
      return readAll(rows.map((row) => row.slice(row.lastIndexOf(NUL) + 1)));
    },
    async scan(
      limit: number,
      sinceAt: number | undefined,
      matches: (record: R) => boolean,
    ): Promise<R[]> {
      const found = new Map<string, R>();
      for (let at = 0; ; at += PAGE) {
        const from = at;
        const ids = await insist(() =>
          redis.zrevrangebyscore(key('changed'), '+inf', sinceAt ?? '-inf', 'LIMIT', from, PAGE),
        );
        for (const record of await readAll(ids)) {
          if (matches(record)) found.set(record.id, record);
          if (found.size >= limit) return [...found.values()];
        }
        if (ids.length < PAGE) return [...found.values()];
      }
    },
  };
}
