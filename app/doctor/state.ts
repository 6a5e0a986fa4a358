/** Checks of what is kept: the state folder, the disk under it, the pepper, the registry. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { toIso } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import { loadPepper, type Pepper, pepperPath } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import type { Check, LoadedConfig } from '../contract.ts';
import { opens } from '../pepper-check.ts';
import { type StateFacts, stateFacts } from '../state-folder.ts';
import { check, failed } from './check.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Less than this and the next checkpoints may fail. */
const DISK_BYTES_MIN = 2 ** 30;

/** The folder may not be there yet; then the nearest folder above it must take it. */
export function checkFolder(folder: string): Check[] {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const writable = isWritable(existing);
  const detail = existing === folder ? folder : `${folder}, to be made`;
  const disk = statfsSync(existing);
  const free = disk.bavail * disk.bsize;
  return [
    check('state folder', writable, detail, `${existing} must be writable for this user.`),
    check(
      'disk space',
      free >= DISK_BYTES_MIN,
      `${(free / 2 ** 30).toFixed(1)} GiB free`,
      'With a full disk the intake refuses records, and no checkpoint can be saved.',
    ),
  ];
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What the folder holds. Undefined where it cannot be read; the check says why. */
export async function readFacts(folder: string): Promise<StateFacts | Check> {
  try {
    return await stateFacts(folder);
  } catch (error) {
    return failed('state', error);
  }
}

export function checkFacts(facts: StateFacts, pepper: Pepper | undefined): Check[] {
  if (!facts.exists) return [check('state', true, 'none yet')];
  const saved =
    facts.checkpointAt === undefined ? 'never saved' : `saved ${toIso(facts.checkpointAt)}`;
  const size = `${(facts.bytes / 2 ** 20).toFixed(1)} MiB`;
  const other =
    pepper !== undefined &&
    facts.pepperFingerprint !== undefined &&
    !opens(pepper, facts.pepperFingerprint);
  const before = pepper?.previous !== undefined && !other;
  return [
    check(
      'state',
      true,
      `schema ${facts.schemaVersion}, ${size}, ${saved}, ${holderInWords(facts)}`,
    ),
    check(
      'state is private',
      !facts.exposed,
      facts.exposed ? 'others can read the state folder' : 'only its owner can read it',
      'chmod 700 on the folder: it holds the hashes of keys and the tokens of the API.',
    ),
    check(
      'state and pepper',
      !other,
      other
        ? 'the state was made with another pepper'
        : before
          ? 'belong together; the pepper is being changed'
          : 'belong together',
      'Set KEYHOUND_PEPPER or KEYHOUND_PEPPER_FILE to the secret that was used; to change it, give that one ' +
        'as KEYHOUND_PEPPER_PREVIOUS beside the new one.',
    ),
  ];
}

function holderInWords({ holder }: StateFacts): string {
  if (holder === undefined) return 'not in use';
  if (holder === 'unknown') return 'in use by a process that left no notice';
  return `in use by \`keyhound ${holder.command}\`, process ${holder.pid}`;
}

/**
 * Does not make a pepper: that is for the first run to do, and to say. In the distributed form it must be given: each
 * host would make another one.
 */
export function checkPepper(
  env: Env,
  stateDir: string,
  { kafka }: Pick<Config, 'kafka'>,
): { check: Check; pepper?: Pepper } {
  const given = [env['KEYHOUND_PEPPER'], env['KEYHOUND_PEPPER_FILE']].some((value) => value);
  try {
    if (kafka !== undefined && !given) loadPepper({ env, stateDir, mayCreate: false });
    if (!given && !existsSync(pepperPath(env))) {
      return { check: check('pepper', true, `none yet: the first run makes ${pepperPath(env)}`) };
    }
    const pepper = loadPepper({ env, stateDir });
    const from = pepper.file ?? 'the environment';
    const detail = `from ${from}, fingerprint ${pepper.fingerprint}`;
    const hint = 'Others can read the file: chmod 600.';
    return { check: check('pepper', !pepper.exposed, detail, hint), pepper };
  } catch (error) {
    return { check: failed('pepper', error) };
  }
}

export function checkRegistry({ config, folder }: LoadedConfig): Check {
  try {
    const { size } = loadRegistry(config.keys, folder, config.consumers);
    const from = typeof config.keys === 'string' ? config.keys : 'the configuration';
    return check(
      'key registry',
      true,
      size === 0 ? 'no keys registered' : `${size} keys of ${from}`,
    );
  } catch (error) {
    return failed('key registry', error);
  }
}
