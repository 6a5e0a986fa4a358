/**
 * Token buckets that nodes share, by the clock of the server.
 *
 *   PREFIX:{limits}:BUCKET   hash  tokens, at (ms), requests (of the limit then), and NODE → DEMAND AT for each node:
 *                                  what it wanted lately, fading
 *
 * A bucket that is full again, and that nobody asked for lately, is gone. Nothing is tried again here: nodes report
 * a few times a second, and add what was not answered to the next report.
 */
import type { RedisConfig } from '../../core/config.ts';
import { assert } from '../../core/errors.ts';
import {
  LIMIT_REPORTS_MAX,
  type LimitGrant,
  type LimitReport,
  type LimitStore,
  SHARE_HALF_LIFE_MS,
} from '../../core/limits.ts';
import { connectRedis } from './connection.ts';
import { defineScript } from './script.ts';

/** Buckets in one script: it takes a millisecond or two. */
const BATCH = 200;
/** A node that waits longer for an answer goes on by itself. */
const COMMAND_TIMEOUT_MS = 1000;
/** A node of less demand than this is forgotten, in its bucket. */
const DEMAND_MIN = 0.01;
/** The least share that is answered: above nothing. */
const SHARE_MIN = 0.001;
/** Demand is remembered for so long at least. */
const REMEMBERED_MS = 3 * SHARE_HALF_LIFE_MS;
const VALUES = 5;

const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local node = 'n:' .. ARGV[1]
local answer = {}
for i, key in ipairs(KEYS) do
  local at = 1 + (i - 1) * ${VALUES}
  local requests, window = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local taken, wanted = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local kept = redis.call('HGETALL', key)
  local row, others, own = {}, 0, 0
  for f = 1, #kept, 2 do
    local demand, seen = string.match(kept[f + 1], '^(%S+) (%S+)$')
    if demand then
      demand = tonumber(demand) * 0.5 ^ (math.max(0, now - tonumber(seen)) / ${SHARE_HALF_LIFE_MS})
      if kept[f] == node then
        own = demand
      elseif demand < ${DEMAND_MIN} then
        redis.call('HDEL', key, kept[f])
      else
        others = others + demand
      end
    else
      row[kept[f]] = tonumber(kept[f + 1])
    end
  end
  local tokens = math.min(requests, tonumber(ARGV[at + 5]) or requests)
  if row.tokens then
    -- What was used stays used, whatever the limit is now.
    tokens = row.tokens + requests - row.requests
    tokens = math.min(requests, tokens + math.max(0, now - row.at) * requests / window)
  end
  tokens = math.max(tokens - taken, -requests)
  own = own + wanted
  local text = function(value) return string.format('%.3f', value) end
  redis.call('HSET', key, 'tokens', text(tokens), 'at', text(now), 'requests', requests)
  if own >= ${DEMAND_MIN} then redis.call('HSET', key, node, text(own) .. ' ' .. text(now)) end
  local full = (requests - tokens) * window / requests
  redis.call('PEXPIRE', key, math.ceil(math.max(full, ${REMEMBERED_MS})))
  local share = others == 0 and 1 or math.max(own / (own + others), ${SHARE_MIN})
  answer[2 * i - 1] = text(tokens)
  answer[2 * i] = string.format('%.6f', share)
end
return answer
`;

/** Rejects with a KeyhoundError when Redis cannot be reached at first. */
export async function openLimitStore(config: RedisConfig): Promise<LimitStore> {
  const link = await connectRedis(config, { triesMax: 1, commandTimeoutMs: COMMAND_TIMEOUT_MS });
  // A script of as many keys as there are reports.
  const takes = new Map<number, ReturnType<typeof defineScript>>();
  const takeOf = (keys: number) => {
    const known = takes.get(keys) ?? defineScript(link, `keyhoundLimits${keys}`, TAKE, keys);
    takes.set(keys, known);
    return known;
  };
  async function takeBatch(node: string, reports: readonly LimitReport[]): Promise<LimitGrant[]> {
    const keys = reports.map(({ bucket }) => `${config.prefix}:{limits}:${bucket}`);
    const values = reports.flatMap(({ limit, taken, wanted, begins }) => [
      limit.requests,
      limit.windowMs,
      taken,
      wanted,
      begins ?? '',
    ]);
    const answer = (await takeOf(keys.length)(keys, node, ...values)) as string[];
    return reports.map((_, i) => ({
      left: Number(answer[2 * i]),
      share: Number(answer[2 * i + 1]),
    }));
  }
  return {
    async take(node, reports) {
      assert(reports.length <= LIMIT_REPORTS_MAX, `at most ${LIMIT_REPORTS_MAX} reports`);
      const batches: Promise<LimitGrant[]>[] = [];
      for (let at = 0; at < reports.length; at += BATCH) {
        batches.push(takeBatch(node, reports.slice(at, at + BATCH)));
      }
      return (await Promise.all(batches)).flat();
    },
    close: async () => link.close(),
  };
}
