/**
 * Reports of leaks that were received, in Redis.
 *
 *   REPORTS:bodies   hash  SENDER NUL DELIVERY → NONCE, a space, JSON
 *   REPORTS:at       zset  the same by when it came, epoch ms
 *   REPORTS:open     set   the same, of those not handled
 */
import { randomUUID } from 'node:crypto';
import type { ReceivedReport, ReportStore } from '../../../core/report.ts';
import type { RedisLink } from '../connection.ts';
import { defineScript } from '../script.ts';
import { NUL, responseKey } from './keys.ts';

const PAGE = 200;

/** Repeated by the same writer it says the same again. */
const PUT = `
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept then return string.match(kept, '^%S+') == ARGV[2] and 1 or 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
if ARGV[5] == '0' then redis.call('SADD', KEYS[3], ARGV[1]) end
return 1
`;

const REMOVE = `
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1])
for _, name in ipairs(old) do
  if redis.call('SISMEMBER', KEYS[3], name) == 0 then
    redis.call('HDEL', KEYS[1], name)
    redis.call('ZREM', KEYS[2], name)
  end
end
return 1
`;

export function createReportStore(link: RedisLink, prefix: string): ReportStore {
  const { redis, insist } = link;
  const key = (part: string) => responseKey(prefix, `reports:${part}`);
  const keys = [key('bodies'), key('at'), key('open')];
  const put = defineScript(link, 'keyhoundReportPut', PUT, 3);
  const remove = defineScript(link, 'keyhoundReportRemove', REMOVE, 3);
  const read = async (names: readonly string[]) => {
    const found: ReceivedReport[] = [];
    for (let at = 0; at < names.length; at += PAGE) {
      const page = names.slice(at, at + PAGE);
      const bodies = await insist(() => redis.hmget(key('bodies'), ...page));
      const open = await insist(() => redis.smismember(key('open'), ...page));
      for (const [i, body] of bodies.entries()) {
        if (body === null) continue;
        const report = JSON.parse(body.slice(body.indexOf(' ') + 1)) as ReceivedReport;
        found.push({ ...report, handled: open[i] === 0 });
      }
    }
    return found;
  };
  const nameOf = (sender: string, deliveryId: string) => `${sender}${NUL}${deliveryId}`;
  return {
    async putReport(report) {
      const name = nameOf(report.sender, report.deliveryId);
      const args = [name, randomUUID(), JSON.stringify(report), report.at, report.handled ? 1 : 0];
      return (await put(keys, ...args)) === 1;
    },
    async reportHandled(sender, deliveryId) {
      await insist(() => redis.srem(key('open'), nameOf(sender, deliveryId)));
    },
    async reports(sinceAt) {
      return read(await insist(() => redis.zrangebyscore(key('at'), sinceAt, '+inf')));
    },
    async openReports(sinceAt) {
      const found = await read(await insist(() => redis.smembers(key('open'))));
      return found
        .filter(({ at, handled }) => at >= sinceAt && !handled)
        .sort(
          (a, b) =>
            a.at - b.at ||
            (nameOf(a.sender, a.deliveryId) < nameOf(b.sender, b.deliveryId) ? -1 : 1),
        );
    },
    async removeReports(beforeAt) {
      await remove(keys, beforeAt);
    },
  };
}
