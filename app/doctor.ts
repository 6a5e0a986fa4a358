/** Can each configured thing be used, and what follows if not. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Check, LoadedConfig } from './contract.ts';

export interface DoctorOptions {
  readonly config: LoadedConfig;
  readonly signal: AbortSignal;
}

/** Checks one after the other; a check that fails does not keep the next from running. */
export async function* doctor(options: DoctorOptions): AsyncGenerator<Check> {
  yield checkNode(process.versions.node);
  yield checkConfig(options.config);
  yield* checkStateFolder(options.config.config.state.dir);
  yield* checkListeners(options);
}

const NODE_MAJOR_MIN = 24;

function checkNode(version: string): Check {
  const ok = Number(version.split('.')[0]) >= NODE_MAJOR_MIN;
  return check('node', ok, version, `Keyhound needs Node ${NODE_MAJOR_MIN} or newer.`);
}

function checkConfig(loaded: LoadedConfig): Check {
  const { config, path } = loaded;
  const sources = config.sources.length;
  const from = path ?? 'no configuration file: defaults';
  return check('config', true, `${from}; ${sources === 1 ? '1 source' : `${sources} sources`}`);
}

/** Less than this and the next checkpoints may fail. */
const DISK_BYTES_MIN = 1 << 30;

function* checkStateFolder(folder: string): Generator<Check> {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const detail = existing === folder ? folder : `${folder}, to be made`;
  yield check('state folder', isWritable(existing), detail, `${existing} must be writable.`);
  const disk = statfsSync(existing);
  const free = disk.bavail * disk.bsize;
  yield check(
    'disk space',
    free >= DISK_BYTES_MIN,
    `${(free / 2 ** 30).toFixed(1)} GiB free`,
    'With a full disk the intake refuses records, and no checkpoint can be saved.',
  );
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Listeners that this version opens. */
const LISTENERS = ['console', 'intake'] as const;

async function* checkListeners(options: DoctorOptions): AsyncGenerator<Check> {
  for (const name of LISTENERS) {
    const address = options.config.config.listen[name];
    const fault = await bindFault(address);
    const hint =
      fault === 'EADDRINUSE'
        ? 'Another program listens there, perhaps Keyhound itself. `run` cannot start beside it.'
        : `Change listen.${name}.`;
    yield check(`port ${name}`, fault === undefined, words(address, fault), hint);
  }
}

function words(address: string, fault: string | undefined): string {
  return fault === undefined ? `${address} is free` : `${address} cannot be opened (${fault})`;
}

function bindFault(address: string): Promise<string | undefined> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host, port: Number(address.slice(colon + 1)), exclusive: true }, () =>
      server.close(() => resolve(undefined)),
    );
  });
}

function check(name: string, ok: boolean, detail: string, hint?: string): Check {
  return { type: 'check', name, ok, detail, ...(ok || hint === undefined ? {} : { hint }) };
}
