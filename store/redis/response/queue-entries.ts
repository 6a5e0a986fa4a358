/**
 * What is due when, and whose turn it is: the truth of the queue. BullMQ (queue.ts) wakes workers up; each wake-up
 * takes the earliest entry that is due and whose key is free. An entry whose wake-up got lost is found by the sweep,
 * and a wake-up that finds nothing does nothing.
 *
 *   QUEUE:due:GATEWAY   zset    action id by when it is due, epoch ms
 *   QUEUE:subjects      hash    GATEWAY NUL ACTION → id of the key
 *   QUEUE:turns         hash    GATEWAY NUL SUBJECT → HOLDER UNTIL ACTION (UNTIL: ms of Redis' clock)
 *   QUEUE:again         hash    GATEWAY NUL ACTION → when it is to come once more: added while it was worked on
 *   QUEUE:gateways      set     names
 *   QUEUE:wakes         string  counts wake-ups: each has an id of its own
 */
import type { QueueEntry } from '../../../core/action.ts';
import type { RedisLink } from '../connection.ts';
import { defineScript } from '../script.ts';
import { NUL, responseKey } from './keys.ts';

/** Entries looked at for one whose key is free. */
const LOOKED_AT = 100;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;
const TURN = "'^(%S+) (%d+) (.*)$'";

const ADD = `
local entry = ARGV[1] .. '\\0' .. ARGV[2]
local turn = redis.call('HGET', KEYS[3], ARGV[1] .. '\\0' .. ARGV[3])
redis.call('SADD', KEYS[5], ARGV[1])
redis.call('HSET', KEYS[2], entry, ARGV[3])
if turn and select(3, string.match(turn, ${TURN})) == ARGV[2] then
  local again = tonumber(redis.call('HGET', KEYS[4], entry))
  if not again or again > tonumber(ARGV[4]) then redis.call('HSET', KEYS[4], entry, ARGV[4]) end
end
redis.call('ZADD', KEYS[1], 'LT', ARGV[4], ARGV[2])
return {redis.call('ZSCORE', KEYS[1], ARGV[2]), redis.call('INCR', KEYS[6])}
`;

/** No reply: nothing is due. No action: all that is due is of keys whose turn is another's. */
const BEGIN = `${NOW}
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[3], 'LIMIT', 0, ${LOOKED_AT})
if #due == 0 then return false end
for _, action in ipairs(due) do
  local subject = redis.call('HGET', KEYS[2], ARGV[1] .. '\\0' .. action) or action
  local turn = ARGV[1] .. '\\0' .. subject
  local held = redis.call('HGET', KEYS[3], turn)
  local holder, until_, of = string.match(held or '', ${TURN})
  -- A repeat after a time-out finds what it has begun.
  if holder == ARGV[2] and of == action then return {action, subject} end
  if not held or tonumber(until_) <= now then
    local value = ARGV[2] .. ' ' .. string.format('%d', now + ARGV[4]) .. ' ' .. action
    redis.call('HSET', KEYS[3], turn, value)
    return {action, subject}
  end
end
return {}
`;

const KEEP = `${NOW}
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held then return 0 end
local holder, _, action = string.match(held, ${TURN})
if holder ~= ARGV[2] then return 0 end
local value = holder .. ' ' .. string.format('%d', now + ARGV[3]) .. ' ' .. action
redis.call('HSET', KEYS[1], ARGV[1], value)
return 1
`;

/** Who has lost its turn changes nothing: the entry is its successor's. */
const END = `
local entry = ARGV[1] .. '\\0' .. ARGV[2]
local turn = ARGV[1] .. '\\0' .. ARGV[3]
local held = redis.call('HGET', KEYS[3], turn)
if held and string.match(held, ${TURN}) == ARGV[4] then
  redis.call('HDEL', KEYS[3], turn)
  local again = tonumber(redis.call('HGET', KEYS[4], entry))
  local next = tonumber(ARGV[5])
  redis.call('HDEL', KEYS[4], entry)
  if again and (not next or again < next) then next = again end
  if next then
    redis.call('ZADD', KEYS[1], string.format('%d', next), ARGV[2])
  else
    redis.call('ZREM', KEYS[1], ARGV[2])
    redis.call('HDEL', KEYS[2], entry)
  end
end
return {redis.call('ZSCORE', KEYS[1], ARGV[2]) or '', redis.call('INCR', KEYS[5])}
`;

export interface WakeUp {
  readonly dueAt: number;
  /** Grows with each. */
  readonly number: number;
}

export interface Turn {
  readonly gateway: string;
  readonly actionId: string;
  readonly subjectId: string;
  /** A random id, used once. */
  readonly holder: string;
}

export interface QueueEntries {
  add(entry: QueueEntry): Promise<WakeUp>;
  /** `busy`: what is due is of keys that are being worked on. Undefined: nothing is due. */
  begin(
    gateway: string,
    holder: string,
    nowMs: number,
    lockMs: number,
  ): Promise<Turn | 'busy' | undefined>;
  /** False: the turn is another's by now. */
  keep(turn: Turn, lockMs: number): Promise<boolean>;
  /** Answers when the entry is due next; undefined when there is none any more. */
  end(turn: Turn, nextMs: number | undefined): Promise<WakeUp | undefined>;
  /** How many should have been begun by then. */
  overdue(gateway: string, atMs: number): Promise<number>;
  /** Due by then, by gateway. */
  depth(nowMs: number): Promise<Record<string, number>>;
}

export function createQueueEntries(link: RedisLink, prefix: string): QueueEntries {
  const { redis, insist } = link;
  const key = (part: string) => responseKey(prefix, `queue:${part}`);
  const due = (gateway: string) => key(`due:${gateway}`);
  const [subjects, turns, again] = [key('subjects'), key('turns'), key('again')];
  const [gateways, wakes] = [key('gateways'), key('wakes')];
  const add = defineScript(link, 'keyhoundQueueAdd', ADD, 6);
  const begin = defineScript(link, 'keyhoundQueueBegin', BEGIN, 3);
  const keep = defineScript(link, 'keyhoundQueueKeep', KEEP, 1);
  const end = defineScript(link, 'keyhoundQueueEnd', END, 5);
  return {
    async add({ gateway, action, subject, at }) {
      const keys = [due(gateway), subjects, turns, again, gateways, wakes];
      const answer = await add(keys, gateway, action, subject, Math.ceil(at));
      const [dueAt, number] = answer as [string, number];
      return { dueAt: Number(dueAt), number };
    },
    async begin(gateway, holder, nowMs, lockMs) {
      const keys = [due(gateway), subjects, turns];
      const answer = await begin(keys, gateway, holder, nowMs, lockMs);
      if (answer === null) return undefined;
      const [actionId, subjectId] = answer as [string?, string?];
      if (actionId === undefined || subjectId === undefined) return 'busy';
      return { gateway, actionId, subjectId, holder };
    },
    async keep({ gateway, subjectId, holder }, lockMs) {
      return (await keep([turns], `${gateway}${NUL}${subjectId}`, holder, lockMs)) === 1;
    },
    async end({ gateway, actionId, subjectId, holder }, nextMs) {
      const next = nextMs === undefined ? '' : Math.ceil(nextMs);
      const keys = [due(gateway), subjects, turns, again, wakes];
      const answer = await end(keys, gateway, actionId, subjectId, holder, next);
      const [dueAt, number] = answer as [string, number];
      return dueAt === '' ? undefined : { dueAt: Number(dueAt), number };
    },
    overdue: (gateway, atMs) => insist(() => redis.zcount(due(gateway), '-inf', atMs)),
    async depth(nowMs) {
      const names = await insist(() => redis.smembers(gateways));
      const counts = await Promise.all(
        names.map((name) => insist(() => redis.zcount(due(name), '-inf', nowMs))),
      );
      const all = names.map((name, i) => [name, counts[i]!] as const).sort();
      return Object.fromEntries(all.filter(([, count]) => count > 0));
    },
  };
}
