/**
 * The numbers of control records: one sequence for the installation, and one writer at a time, so that every
 * partition gets the records in the same order.
 *
 *   PREFIX:control           hash  sequence, pending (the record of that number, until all partitions have it),
 *                                  writer, until (ms of Redis' clock), taken (by which writer the number was taken)
 *
 * A record is kept here before it is sent. Whoever writes next sends first what a writer before left unsent, under
 * its number; who has it already drops it as a repeat.
 */
import type { RedisConfig } from '../../core/config.ts';
import { connectRedis, type LinkOptions, type RedisLink } from './connection.ts';
import { controlKey } from './keys.ts';
import { defineScript } from './script.ts';

/** A writer that says nothing for so long is taken for dead, ms. */
const TURN_MS = 10_000;

export interface PendingRecord {
  readonly sequence: number;
  /** As it was given to `take`. */
  readonly record: string;
}

export interface ControlNumbers {
  /** True when it is the writer's turn, until `end` or for TURN_MS. A writer is a random id, used once. */
  begin(writer: string): Promise<boolean>;
  /** What a writer before has left; undefined for nothing. */
  pending(): Promise<PendingRecord | undefined>;
  /**
   * The next number, above `floor`, for a record that is kept until `end`; the same one when asked again. Undefined
   * when the turn is another's by now.
   */
  take(writer: string, floor: number, record: string): Promise<number | undefined>;
  /** The turn is over. `sent`: the record of this number has arrived. */
  end(writer: string, sent: number | undefined): Promise<void>;
  trouble(): string | undefined;
  close(): void;
}

const BEGIN = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local writer = redis.call('HGET', KEYS[1], 'writer')
local until_ = tonumber(redis.call('HGET', KEYS[1], 'until') or '0')
if writer and writer ~= ARGV[1] and until_ > now then return 0 end
redis.call('HSET', KEYS[1], 'writer', ARGV[1], 'until', now + ARGV[2])
return 1
`;

const TAKE = `
if redis.call('HGET', KEYS[1], 'writer') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[1], 'taken') ~= ARGV[1] then
  local last = tonumber(redis.call('HGET', KEYS[1], 'sequence') or '0')
  local number = math.max(last, tonumber(ARGV[2])) + 1
  redis.call('HSET', KEYS[1], 'sequence', number, 'pending', ARGV[3], 'taken', ARGV[1])
end
return redis.call('HGET', KEYS[1], 'sequence')
`;

const END = `
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'sequence') == ARGV[2] then
  redis.call('HDEL', KEYS[1], 'pending')
end
if redis.call('HGET', KEYS[1], 'writer') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'writer', 'until')
end
return 1
`;

export async function openControlNumbers(
  config: RedisConfig,
  options?: LinkOptions,
): Promise<ControlNumbers> {
  const link = await connectRedis(config, options);
  return numbersOf(link, controlKey(config.prefix));
}

function numbersOf(link: RedisLink, key: string): ControlNumbers {
  const begin = defineScript(link, 'keyhoundControlBegin', BEGIN, 1);
  const take = defineScript(link, 'keyhoundControlTake', TAKE, 1);
  const end = defineScript(link, 'keyhoundControlEnd', END, 1);
  return {
    begin: async (writer) => (await begin([key], writer, TURN_MS)) === 1,
    async pending() {
      const [sequence, record] = await link.insist(() =>
        link.redis.hmget(key, 'sequence', 'pending'),
      );
      if (sequence == null || record == null) return undefined;
      return { sequence: Number(sequence), record };
    },
    async take(writer, floor, record) {
      const number = Number(await take([key], writer, floor, record));
      return number === 0 ? undefined : number;
    },
    async end(writer, sent) {
      await end([key], writer, sent ?? '');
    },
    trouble: () => link.trouble()?.message,
    close: () => link.close(),
  };
}
