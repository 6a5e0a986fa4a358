/** One Lua script as a function that insists (connection.ts): what it does must be harmless when repeated or late. */
import type { RedisLink } from './connection.ts';

export type ScriptArgument = string | number | Buffer;
export type Script = (
  keys: readonly string[],
  ...args: readonly ScriptArgument[]
) => Promise<unknown>;

export function defineScript(
  { redis, insist }: RedisLink,
  name: string,
  lua: string,
  numberOfKeys: number,
): Script {
  redis.defineCommand(name, { lua, numberOfKeys });
  const run = (redis as unknown as Record<string, (...args: ScriptArgument[]) => Promise<unknown>>)[
    name
  ]!;
  return (keys, ...args) => insist(() => run.call(redis, ...keys, ...args));
}
