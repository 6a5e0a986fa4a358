/**
 * Everything that is written goes through one of these scripts, and each of them may be repeated, and may be carried
 * out late: a command that timed out for us still is in the hands of a server that was frozen, and runs when it
 * thaws, on its old connection, after whatever came in between.
 *
 * An *epoch* is a term of ownership; it only grows. A script of an earlier epoch changes nothing. A checkpoint has a
 * *number*, one more than the one before, whoever wrote that. Its *id* is EPOCH:NUMBER: an attempt that failed is
 * never taken up again under the same id.
 *
 * Answers: 1 done (or done before), 0 somebody else owns it, -1 the server lost what it had confirmed.
 */
import type { Redis } from 'ioredis';
import type { GroupKeys, PartitionKeys } from './keys.ts';

export type Verdict = 1 | 0 | -1;

const OWNED = `
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return 0 end
if epoch < tonumber(ARGV[1]) then return -1 end
`;

/** Lua puts its arguments on a stack of about 8,000 values. Even, as fields and values go in pairs. */
const VALUES_MAX = 4000;

/** `targets`: for each list of a packed blob, the command and the key that it goes to. */
function write(targets: readonly (readonly [command: string, key: number])[]): string {
  const rows = targets.map(([command, key]) => `{'${command}', KEYS[${key}]}`).join(', ');
  return `
for i, list in ipairs(cmsgpack.unpack(blob)) do
  local target = ({${rows}})[i]
  for at = 1, #list, ${VALUES_MAX} do
    redis.call(target[1], target[2], unpack(list, at, math.min(at + ${VALUES_MAX - 1}, #list)))
  end
end
`;
}

/** Records who this installation belongs to; answers what is recorded. */
const IDENTIFY = `
redis.call('HSETNX', KEYS[1], 'layout', ARGV[1])
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[2])
redis.call('HSETNX', KEYS[1], 'pepper', ARGV[3])
return redis.call('HMGET', KEYS[1], 'layout', 'partitions', 'pepper')
`;

/** The pepper before is replaced, once something was bound under the new one. */
const REPEPPER = `
if redis.call('HGET', KEYS[1], 'pepper') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'pepper', ARGV[2])
return 1
`;

/** From a known epoch to the next one; when repeated by the same claimant, as if once. */
const CLAIM_PARTITION = `
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
local expected = tonumber(ARGV[1])
if epoch == expected then
  redis.call('HSET', KEYS[1], 'epoch', epoch + 1, 'claimant', ARGV[2])
elseif epoch ~= expected + 1 or redis.call('HGET', KEYS[1], 'claimant') ~= ARGV[2] then
  return 0
end
return 1
`;

const CLAIM_GROUP = `
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return {0} end
if epoch < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'epoch', ARGV[1]) end
local answer = {1, redis.call('HGET', KEYS[1], 'applied') or '0'}
if redis.call('HGET', KEYS[2], 'id') == ARGV[2] then
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    if field ~= 'id' then answer[#answer + 1] = field end
  end
  answer[#answer + 1] = 'staged'
end
return answer
`;

/**
 * Lays changes of a key group ready. They are not in before the partition's script names their checkpoint. A late
 * one finds that its checkpoint, or a later one, was applied since.
 */
const STAGE = `${OWNED}
local applied = tonumber(redis.call('HGET', KEYS[1], 'applied') or '0')
if applied ~= tonumber(ARGV[3]) then return -1 end
local id = ARGV[1] .. ':' .. ARGV[2]
if redis.call('HGET', KEYS[2], 'id') ~= id then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'id', id)
end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
return 1
`;

/** The one instant at which a checkpoint comes to be: all of its staged changes, or none. */
const COMMIT = `${OWNED}
local number = tonumber(ARGV[2])
local saved = tonumber(redis.call('HGET', KEYS[1], 'checkpoint') or '0')
if saved >= number then return 1 end
if saved ~= number - 1 then return -1 end
local blob = ARGV[5]
${write([
  ['HDEL', 4],
  ['HSET', 4],
  ['HSET', 2],
  ['HSET', 3],
])}
redis.call('HSET', KEYS[1], 'checkpoint', number, 'committed', ARGV[1] .. ':' .. ARGV[2], 'pepper', ARGV[4])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'position', ARGV[3]) end
return 1
`;

/** Brings staged changes in, one index after the other; the last one closes the checkpoint for this group. */
const APPLY = `${OWNED}
if redis.call('HGET', KEYS[2], 'id') ~= ARGV[2] then return 1 end
local blob = redis.call('HGET', KEYS[2], ARGV[3])
if blob then
${write([
  ['HDEL', 3],
  ['HSET', 3],
  ['HDEL', 4],
  ['HSET', 4],
  ['HDEL', 5],
  ['HSET', 5],
])}
  redis.call('HDEL', KEYS[2], ARGV[3])
end
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'applied', string.match(ARGV[2], '%d+$'))
  redis.call('DEL', KEYS[2])
end
return 1
`;

export interface ClaimedGroup {
  /** Number of the last checkpoint whose changes are in. */
  readonly applied: number;
  /** Indexes of changes of the committed checkpoint that are not in yet; undefined: none staged. */
  readonly staged: readonly number[] | undefined;
}

/** The lists of a chunk, in the order of the targets of its script. */
export const GROUP_LISTS = {
  removedParts: 0,
  parts: 1,
  removedSubjects: 2,
  subjects: 3,
  closed: 4,
  open: 5,
} as const;
export const PARTITION_LISTS = { removedParts: 0, parts: 1, meta: 2, streams: 3 } as const;

type Argument = string | number | Buffer;
type Command = (...args: Argument[]) => Promise<unknown>;

const SCRIPTS = {
  keyhoundIdentify: { lua: IDENTIFY, numberOfKeys: 1 },
  keyhoundRepepper: { lua: REPEPPER, numberOfKeys: 1 },
  keyhoundClaimPartition: { lua: CLAIM_PARTITION, numberOfKeys: 1 },
  keyhoundClaimGroup: { lua: CLAIM_GROUP, numberOfKeys: 2 },
  keyhoundStage: { lua: STAGE, numberOfKeys: 2 },
  keyhoundCommit: { lua: COMMIT, numberOfKeys: 4 },
  keyhoundApply: { lua: APPLY, numberOfKeys: 5 },
} as const;

export type Scripts = ReturnType<typeof defineScripts>;

/** The scripts as functions of this connection. */
export function defineScripts(redis: Redis) {
  for (const [name, script] of Object.entries(SCRIPTS)) redis.defineCommand(name, script);
  const run = (name: keyof typeof SCRIPTS, ...args: Argument[]) =>
    (redis as unknown as Record<string, Command>)[name]!(...args);
  const verdict = async (answer: Promise<unknown>) => (await answer) as Verdict;
  return {
    async identify(meta: string, layout: number, partitions: number, pepper: string) {
      const answer = await run('keyhoundIdentify', meta, layout, partitions, pepper);
      const [kept, keptPartitions, keptPepper] = answer as [string, string, string];
      return { layout: Number(kept), partitions: Number(keptPartitions), pepper: keptPepper };
    },
    repepper: (meta: string, from: string, to: string) => run('keyhoundRepepper', meta, from, to),
    /** False: the epoch is not `expected` any more. */
    async claimPartition(keys: PartitionKeys, expected: number, claimant: string) {
      return (await run('keyhoundClaimPartition', keys.owner, expected, claimant)) === 1;
    },
    /** Undefined: a later epoch owns it. */
    async claimGroup(keys: GroupKeys, epoch: number, committed: string) {
      const answer = await run('keyhoundClaimGroup', keys.owner, keys.staged, epoch, committed);
      const [mine, applied, ...fields] = answer as [number, string, ...string[]];
      if (mine === 0) return undefined;
      const staged = fields.pop() === undefined ? undefined : fields.map(Number).sort(byNumber);
      return { applied: Number(applied), staged } satisfies ClaimedGroup;
    },
    /** `base`: number of the checkpoint that was applied last in this group. */
    stage(keys: GroupKeys, at: Attempt, base: number, index: number, chunk: Buffer) {
      const { owner, staged } = keys;
      return verdict(run('keyhoundStage', owner, staged, at.epoch, at.number, base, index, chunk));
    },
    commit(
      keys: PartitionKeys,
      at: Attempt,
      position: number | undefined,
      pepper: string,
      chunk: Buffer,
    ) {
      const { owner, meta, streams, parts } = keys;
      const args = [at.epoch, at.number, position ?? '', pepper, chunk];
      return verdict(run('keyhoundCommit', owner, meta, streams, parts, ...args));
    },
    /** `epoch` is the present one, `id` of the checkpoint may be of an earlier one. */
    apply(keys: GroupKeys, epoch: number, id: string, index: number, last: boolean) {
      const { owner, staged, parts, subjects, open } = keys;
      const args = [epoch, id, index, last ? 1 : 0];
      return verdict(run('keyhoundApply', owner, staged, parts, subjects, open, ...args));
    },
  };
}

export interface Attempt {
  readonly epoch: number;
  readonly number: number;
}

function byNumber(a: number, b: number): number {
  return a - b;
}
