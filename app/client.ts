/** The state for commands that look into it: through the instance that uses it, else from the files. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { RedisConfig } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import { hashedIdentity } from '../enrich/digest.ts';
import { existingPepper } from '../enrich/pepper.ts';
import { lockStateFolder, readHolder } from '../store/lock.ts';
import { restoreBackup } from '../store/sqlite/backup.ts';
import { createApiClient } from './api-client.ts';
import type { LoadedConfig, OpenClient, RestoreState, StateClient } from './contract.ts';
import { redisMissing } from './distributed/needs.ts';
import { pinnedServer } from './listener-tls.ts';
import { opens, pepperMismatch } from './pepper-check.ts';
import { createStateClient } from './state-client.ts';
import { announcedApi, apiToken, type StatePaths, stateFacts, statePaths } from './state-folder.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Throws `state-missing` (usage) where there is no state, `state-locked` where its user has no API. */
export const openClient: OpenClient = async ({ config, stateDir, signal }) => {
  const folder = folderOf(config, stateDir);
  const paths = statePaths(folder);
  if (config.config.kafka !== undefined) return consoleClient(config, paths, signal);
  if (!existsSync(paths.database)) throw missing(folder);
  const holder = readHolder(folder);
  const { env } = process;
  if (holder === undefined) return createStateClient({ config, folder, env });
  if (holder !== 'unknown' && holder.apiAddress !== undefined) {
    return createApiClient({
      address: holder.apiAddress,
      token: apiToken(paths).token,
      server: pinnedServer(config.config.tls.console),
      signal,
      hashes: (raw) => hashesOf(raw, folder, env),
    });
  }
  // Names the holder. It may have ended meanwhile: then the state is free.
  lockStateFolder(folder, { command: 'look-up' }).release();
  return createStateClient({ config, folder, env });
};

/** In the distributed form it is the console that answers, whatever else runs on this machine. */
function consoleClient(
  { config }: LoadedConfig,
  paths: StatePaths,
  signal: AbortSignal,
): StateClient {
  if (!existsSync(paths.apiToken)) {
    throw new KeyhoundError('usage', `no console has run with the folder ${paths.folder}`, {
      code: 'state-missing',
      hint: 'Ask where `keyhound run --role console` runs, with its configuration.',
    });
  }
  return createApiClient({
    address: announcedApi(paths) ?? config.listen.console,
    token: apiToken(paths).token,
    server: pinnedServer(config.tls.console),
    signal,
    hashes: (raw) => keptHashes(raw, config.redis, process.env),
  });
}

export const restoreState: RestoreState = async ({ config, stateDir, from }) => {
  await restoreBackup(path.resolve(from), folderOf(config, stateDir));
};

function folderOf(config: LoadedConfig, stateDir: string | undefined): string {
  return path.resolve(stateDir ?? path.resolve(config.folder, config.config.state.dir));
}

function missing(folder: string): KeyhoundError {
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  return new KeyhoundError(
    'usage',
    `there is no ${isFolder ? 'state in' : 'state folder'} ${folder}`,
    {
      code: 'state-missing',
      hint: `Make one with \`keyhound run\` or \`keyhound replay PATH --state DIR\`, or name another with --state.`,
    },
  );
}

/** As `hashesOf`, of the state in Redis. */
async function keptHashes(raw: string, redis: RedisConfig | undefined, env: Env) {
  if (redis === undefined) throw redisMissing('a raw key');
  const { openStateReader } = await import('../store/redis/reader.ts');
  const state = await openStateReader(redis);
  const kept = await state.pepper().finally(() => state.close());
  return hashesUnder(raw, kept, env);
}

/** While the pepper is being changed the key may be known by either. */
async function hashesOf(raw: string, folder: string, env: Env): Promise<readonly string[]> {
  const { pepperFingerprint } = await stateFacts(folder);
  return hashesUnder(raw, pepperFingerprint, env);
}

function hashesUnder(raw: string, pepperFingerprint: string | undefined, env: Env): string[] {
  const pepper = existingPepper(env);
  if (pepper === undefined || !opens(pepper, pepperFingerprint)) throw pepperMismatch();
  const bytes = Buffer.from(raw, 'utf8');
  const keys = [pepper, ...(pepper.previous === undefined ? [] : [pepper.previous])];
  return keys.map(({ key }) => hashedIdentity(key, bytes, 0, bytes.length).id);
}
