/**
 * The pepper: the secret under which raw keys are hashed. Whoever has it and a state folder can test
 * guesses of raw keys, so it never lies in the state folder.
 */
import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KeyhoundError } from '../core/errors.ts';

const BYTES_MIN = 16;

export interface PepperKey {
  readonly key: KeyObject;
  /** 16 hex digits that name the pepper without giving it away; kept in the state. */
  readonly fingerprint: string;
}

export interface Pepper extends PepperKey {
  /** The pepper before, while it is being changed. */
  readonly previous: PepperKey | undefined;
  /** Path of the file it was read from; undefined when it came from the environment. */
  readonly file: string | undefined;
  /** The file was made by this call: the caller should say so. */
  readonly created: boolean;
  /** Others than the owner can read the file: its own folder lets them in, too. */
  readonly exposed: boolean;
}

export interface PepperOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The generated pepper must not lie inside it. */
  readonly stateDir?: string | undefined;
  /** False (distributed form): a pepper must be given. Default true. */
  readonly mayCreate?: boolean;
}

/** Throws `usage` when it is too short, unreadable, or missing where it may not be made. */
export function loadPepper(options: PepperOptions): Pepper {
  const { env } = options;
  const previousText = given(env, 'KEYHOUND_PEPPER_PREVIOUS', 'KEYHOUND_PEPPER_FILE_PREVIOUS');
  const previous = previousText === undefined ? undefined : pepperKey(previousText.text);
  const current = given(env, 'KEYHOUND_PEPPER', 'KEYHOUND_PEPPER_FILE');
  if (current !== undefined) {
    const exposed = current.file !== undefined && isExposed(current.file);
    return { ...pepperKey(current.text), previous, file: current.file, created: false, exposed };
  }
  if (options.mayCreate === false) {
    throw new KeyhoundError('usage', 'no pepper: the secret of the key hash is missing', {
      code: 'pepper-missing',
      hint: 'Set KEYHOUND_PEPPER or KEYHOUND_PEPPER_FILE to the same secret everywhere.',
    });
  }
  const file = pepperPath(env);
  refuseInsideState(file, options.stateDir);
  const created = createOnce(file);
  return { ...pepperKey(readPepper(file)), previous, file, created, exposed: isExposed(file) };
}

/** The pepper given or made before; undefined when there is none yet. Makes nothing. */
export function existingPepper(env: PepperOptions['env']): Pepper | undefined {
  const isGiven = [env['KEYHOUND_PEPPER'], env['KEYHOUND_PEPPER_FILE']].some((value) => value);
  return isGiven || fs.existsSync(pepperPath(env)) ? loadPepper({ env }) : undefined;
}

/** Where a generated pepper lives: $XDG_CONFIG_HOME/keyhound/pepper, else ~/.config/keyhound/pepper. */
export function pepperPath(env: Readonly<Record<string, string | undefined>>): string {
  const xdg = env['XDG_CONFIG_HOME'];
  const home = env['HOME'] ?? os.homedir();
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(home, '.config');
  return path.join(base, 'keyhound', 'pepper');
}

/**
 * The pepper of a text, or of a file's bytes, which need not be text; white space around it does not count.
 * Throws `usage` under 16 bytes.
 */
export function pepperKey(pepper: string | Buffer): PepperKey {
  // One character a byte: as UTF-8, every byte that is none would become the same replacement character.
  const given = typeof pepper === 'string' ? Buffer.from(pepper, 'utf8') : pepper;
  const bytes = Buffer.from(
    given.toString('latin1').replace(/^[\t-\r ]+|[\t-\r ]+$/g, ''),
    'latin1',
  );
  if (bytes.length < BYTES_MIN) {
    throw new KeyhoundError('usage', `the pepper is shorter than ${BYTES_MIN} bytes`, {
      code: 'pepper-short',
      hint: 'Make one with: head -c 32 /dev/urandom | base64',
    });
  }
  const fingerprint = createHash('sha256')
    .update('keyhound pepper fingerprint')
    .update(bytes)
    .digest('hex')
    .slice(0, 16);
  return { key: createSecretKey(bytes), fingerprint };
}

function given(
  env: PepperOptions['env'],
  name: string,
  fileName: string,
): { text: string | Buffer; file: string | undefined } | undefined {
  const text = env[name];
  const file = env[fileName];
  if (text !== undefined && text !== '') {
    if (file !== undefined && file !== '') {
      throw new KeyhoundError('usage', `both ${name} and ${fileName} are set: use one`);
    }
    return { text, file: undefined };
  }
  if (file === undefined || file === '') return undefined;
  return { text: readPepper(file), file };
}

function readPepper(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (cause) {
    throw new KeyhoundError('usage', `cannot read the pepper file ${file}`, {
      cause,
      code: 'pepper-unreadable',
    });
  }
}

/** A hard link appears whole or not at all, so of two processes starting at once both read one pepper. */
function createOnce(file: string): boolean {
  if (fs.existsSync(file)) return false;
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const handle = fs.openSync(draft, 'wx', 0o600);
    try {
      fs.writeSync(handle, `${randomBytes(32).toString('base64url')}\n`);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
    fs.linkSync(draft, file);
    return true;
  } catch (cause) {
    if (isCode(cause, 'EEXIST')) return false;
    throw new KeyhoundError('operating', `cannot write the pepper file ${file}`, {
      cause,
      code: 'pepper-unwritable',
      hint: 'Set KEYHOUND_PEPPER_FILE to a file of at least 16 random bytes, mode 0600.',
    });
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

function refuseInsideState(file: string, stateDir: string | undefined): void {
  if (stateDir === undefined) return;
  const relative = path.relative(path.resolve(stateDir), path.resolve(file));
  if (relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative)) {
    throw new KeyhoundError('usage', 'the pepper would lie inside the state folder', {
      code: 'pepper-in-state',
      hint: 'Set XDG_CONFIG_HOME or KEYHOUND_PEPPER_FILE to a place outside of it.',
    });
  }
}

/**
 * A file that is open to all in a folder that nobody else may enter is not exposed: a container is given such a file,
 * since the user inside is another one than the owner outside.
 */
function isExposed(file: string): boolean {
  try {
    const folder = path.dirname(file);
    const mayEnter = (fs.statSync(folder).mode & 0o011) !== 0;
    return process.platform !== 'win32' && mayEnter && (fs.statSync(file).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
