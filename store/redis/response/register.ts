/**
 * A register: values under names, without revisions. What fences a write is a ticket that it takes first, from one
 * sequence: of two writes of a name the one with the later ticket stands, whichever is carried out last. A ticket is
 * good for a minute of Redis' clock, so that what is known of removed names may be forgotten after two.
 *
 *   REGISTER:values    hash    name → JSON
 *   REGISTER:tickets   hash    name → ticket of the write that stands
 *   REGISTER:written   zset    name by when that was, ms of Redis' clock
 *   REGISTER:ticket    string  the last one given
 *   REGISTER:changes   stream  name, body ('' for removed), of registers that are followed
 */
import type { RedisLink } from '../connection.ts';
import { defineScript } from '../script.ts';
import { responseKey } from './keys.ts';

const TICKET_MS = 60_000;
const FORGOTTEN_AT_ONCE = 100;
/** A follower that was away for more changes than these reads all values anew. */
const CHANGES_MAX = 10_000;
const PAGE = 500;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

const TAKE = `${NOW}
return {redis.call('INCR', KEYS[1]), now}
`;

/** 1: it stands, or something later does. 0: the ticket is too old, take another. */
const WRITE = `${NOW}
if now - tonumber(ARGV[3]) > ${TICKET_MS} then return 0 end
local last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if last >= tonumber(ARGV[2]) then return 1 end
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[3], now, ARGV[1])
if ARGV[5] == '1' then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ${CHANGES_MAX}, '*', 'name', ARGV[1], 'body', ARGV[4])
end
local old = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ${2 * TICKET_MS}, 'LIMIT', 0, ${FORGOTTEN_AT_ONCE})
for _, name in ipairs(old) do
  redis.call('HDEL', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
end
return 1
`;

export interface Register<V> {
  /** `undefined` removes it. */
  write(name: string, value: V | undefined): Promise<void>;
  read(name: string): Promise<V | undefined>;
  all(): Promise<V[]>;
  /** Of the last change, of a register that is followed. */
  lastChange(): Promise<string>;
}

export function createRegister<V>(
  link: RedisLink,
  prefix: string,
  name: string,
  isFollowed: boolean,
): Register<V> {
  const { redis, insist } = link;
  const key = (part: string) => responseKey(prefix, `${name}:${part}`);
  const take = defineScript(link, 'keyhoundTicket', TAKE, 1);
  const write = defineScript(link, 'keyhoundRegister', WRITE, 4);
  const keys = [key('values'), key('tickets'), key('written'), key('changes')];
  return {
    async write(field, value) {
      const body = value === undefined ? '' : JSON.stringify(value);
      for (;;) {
        const [ticket, takenAt] = (await take([key('ticket')])) as [number, number];
        const done = await write(keys, field, ticket, takenAt, body, isFollowed ? 1 : 0);
        if (done === 1) return;
      }
    },
    async read(field) {
      const body = await insist(() => redis.hget(key('values'), field));
      return body === null ? undefined : (JSON.parse(body) as V);
    },
    async all() {
      const found = new Map<string, V>();
      let cursor = '0';
      do {
        const from = cursor;
        const [next, flat] = await insist(() => redis.hscan(key('values'), from, 'COUNT', PAGE));
        cursor = next;
        for (let i = 0; i < flat.length; i += 2) found.set(flat[i]!, JSON.parse(flat[i + 1]!) as V);
      } while (cursor !== '0');
      return [...found.values()];
    },
    lastChange: () => insist(() => lastChange(redis, key('changes'))),
  };
}

export async function lastChange(redis: RedisLink['redis'], changes: string): Promise<string> {
  const [last] = await redis.xrevrange(changes, '+', '-', 'COUNT', 1);
  return last?.[0] ?? '0-0';
}
