/**
 * Seals the pre-images of credentials that a gateway can only delete: AES-256-GCM under a key that never lies with
 * them (docs/decisions/0018). A sealed pre-image is
 *
 *   "KHS1"  key id (8 bytes)  kept until, epoch ms (8, big-endian)  nonce (12)  tag (16)  ciphertext
 *
 * with all before the nonce, and the name, authenticated: what was sealed for one key opens for no other, and its
 * time cannot be moved.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { KeyhoundError } from '../../core/errors.ts';
import type { SealBox } from '../../core/gateway.ts';
import type { SealStore } from '../../core/seal.ts';
import { TurnsByName } from '../../core/turns.ts';

const MAGIC = Buffer.from('KHS1', 'latin1');
const ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + ID_BYTES + 8;
const SECRET_BYTES_MIN = 16;
/** Of a key that is away until lifted. */
const KEPT_MS = 90 * 86_400_000;
/** Longer decisions about the same key may follow, which find it deleted already. */
const KEPT_MS_MIN = 30 * 86_400_000;
/** The undo that is due then needs it still, however often it has to be tried. */
const GRACE_MS = 7 * 86_400_000;

export interface SealKey {
  readonly key: KeyObject;
  /** Names the key without giving it away. */
  readonly id: Buffer;
}

export interface SealKeys {
  readonly current: SealKey;
  /** Those before, while a key is being changed: they open, and seal nothing. */
  readonly previous: readonly SealKey[];
  /** Where it is from. */
  readonly from: 'KEYHOUND_SEAL_KEY' | 'pepper';
}

/** The secret of the key hash: what keys are made from where none of their own is given. */
export interface PepperSecrets {
  readonly key: KeyObject;
  readonly previous?: { readonly key: KeyObject } | undefined;
}

/**
 * KEYHOUND_SEAL_KEY or KEYHOUND_SEAL_KEY_FILE, and the one before under the same names and _PREVIOUS while it is being
 * changed; else made from the pepper. Throws `usage` when one is given that cannot be used.
 */
export function sealKeys(
  env: Readonly<Record<string, string | undefined>>,
  pepper: PepperSecrets,
): SealKeys {
  const fromPepper = [pepper.key, ...(pepper.previous === undefined ? [] : [pepper.previous.key])]
    .map((key) => key.export())
    .map(sealKey);
  const own = given(env, 'KEYHOUND_SEAL_KEY', 'KEYHOUND_SEAL_KEY_FILE');
  if (own === undefined) {
    return { current: fromPepper[0]!, previous: fromPepper.slice(1), from: 'pepper' };
  }
  const before = given(env, 'KEYHOUND_SEAL_KEY_PREVIOUS', 'KEYHOUND_SEAL_KEY_FILE_PREVIOUS');
  // What was sealed before a key of its own was set opens as well.
  const previous = [...(before === undefined ? [] : [sealKey(before)]), ...fromPepper];
  return { current: sealKey(own), previous, from: 'KEYHOUND_SEAL_KEY' };
}

function given(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fileName: string,
): Buffer | undefined {
  const text = env[name];
  const file = env[fileName];
  if (text !== undefined && text !== '' && file !== undefined && file !== '') {
    throw new KeyhoundError('usage', `both ${name} and ${fileName} are set: use one`);
  }
  if (text !== undefined && text !== '') return longEnough(Buffer.from(text.trim()), name);
  if (file === undefined || file === '') return undefined;
  try {
    return longEnough(Buffer.from(readFileSync(file, 'latin1').trim(), 'latin1'), name);
  } catch (cause) {
    if (cause instanceof KeyhoundError) throw cause;
    throw new KeyhoundError('usage', `cannot read ${fileName}`, { cause, code: 'seal-key' });
  }
}

function longEnough(secret: Buffer, name: string): Buffer {
  if (secret.length >= SECRET_BYTES_MIN) return secret;
  throw new KeyhoundError('usage', `${name} is shorter than ${SECRET_BYTES_MIN} bytes`, {
    code: 'seal-key',
    hint: 'Make one with: head -c 32 /dev/urandom | base64',
  });
}

export function sealKey(secret: Uint8Array): SealKey {
  const derived = (info: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', `keyhound seal 1 ${info}`, bytes));
  return { key: createSecretKey(derived('key', 32)), id: derived('id', ID_BYTES) };
}

export interface SealBoxParts {
  readonly store: SealStore;
  readonly keys: SealKeys;
  /** Wall clock, epoch ms. */
  now(): number;
}

export interface SweepableSealBox extends SealBox {
  /** Wipes what has expired, and seals anew what is under a key before the current one; answers how many it wiped. */
  sweep(): Promise<number>;
}

export function createSealBox({ store, keys, now }: SealBoxParts): SweepableSealBox {
  const open = async (name: string): Promise<Uint8Array | undefined> => {
    const sealed = await store.get(name);
    if (sealed === undefined) return undefined;
    const bytes = Buffer.from(sealed);
    const secret = unlock(name, bytes, keys);
    // Judged when read: a sweep that comes late keeps nothing alive.
    return keptUntil(bytes) <= now() ? undefined : secret;
  };
  // A sweep that seals anew must not bring back what was wiped, nor write over what was sealed meanwhile.
  const turns = new TurnsByName();
  const sweepOne = async (name: string): Promise<boolean> => {
    const sealed = await store.get(name);
    // What is damaged stays for a person to see, and for `open` to complain of.
    if (sealed === undefined || !isSealed(Buffer.from(sealed))) return false;
    const until = keptUntil(Buffer.from(sealed));
    if (until <= now()) {
      await store.remove(name);
      return true;
    }
    const fresh = relock(name, Buffer.from(sealed), until, keys);
    if (fresh !== undefined) await store.put(name, fresh);
    return false;
  };
  return {
    async seal(name, secret, untilAt) {
      const until = Math.max(untilAt ?? now() + KEPT_MS, now() + KEPT_MS_MIN) + GRACE_MS;
      const sealed = lock(name, secret, until, keys.current);
      await turns.take(name, () => store.put(name, sealed));
    },
    open,
    wipe: (name) => turns.take(name, () => store.remove(name)),
    async sweep() {
      let wiped = 0;
      for (const name of await store.names()) {
        if (await turns.take(name, () => sweepOne(name))) wiped++;
      }
      return wiped;
    },
  };
}

function lock(name: string, secret: Uint8Array, until: number, { key, id }: SealKey): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigInt64BE(BigInt(Math.round(until)));
  const head = Buffer.concat([MAGIC, id, time]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.concat([head, Buffer.from(name)]));
  const text = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([head, nonce, cipher.getAuthTag(), text]);
}

/** Under the current key; undefined where it is, or cannot be opened: `open` will say so when it is needed. */
function relock(name: string, sealed: Buffer, until: number, keys: SealKeys): Buffer | undefined {
  const id = sealed.subarray(MAGIC.length, MAGIC.length + ID_BYTES);
  if (keys.current.id.equals(id)) return undefined;
  try {
    return lock(name, unlock(name, sealed, keys), until, keys.current);
  } catch (error) {
    if (error instanceof KeyhoundError) return undefined;
    throw error;
  }
}

function unlock(name: string, sealed: Buffer, keys: SealKeys): Uint8Array {
  if (!isSealed(sealed)) throw damaged(name);
  const id = sealed.subarray(MAGIC.length, MAGIC.length + ID_BYTES);
  const found = [keys.current, ...keys.previous].find((candidate) => candidate.id.equals(id));
  if (found === undefined) {
    throw new KeyhoundError('operating', `sealed credential ${name}: sealed under another key`, {
      code: 'seal-key',
      hint: 'Give the key before as KEYHOUND_SEAL_KEY_PREVIOUS, or the pepper before as KEYHOUND_PEPPER_PREVIOUS.',
    });
  }
  const head = sealed.subarray(0, HEAD_BYTES);
  const nonce = sealed.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES);
  const body = sealed.subarray(HEAD_BYTES + NONCE_BYTES);
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv('aes-256-gcm', found.key, nonce, options);
  decipher.setAAD(Buffer.concat([head, Buffer.from(name)]));
  decipher.setAuthTag(body.subarray(0, TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body.subarray(TAG_BYTES)), decipher.final()]);
  } catch {
    throw damaged(name);
  }
}

function isSealed(sealed: Buffer): boolean {
  const bytesMin = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;
  return sealed.length >= bytesMin && sealed.subarray(0, MAGIC.length).equals(MAGIC);
}

function keptUntil(sealed: Buffer): number {
  return Number(sealed.readBigInt64BE(MAGIC.length + ID_BYTES));
}

function damaged(name: string): KeyhoundError {
  return new KeyhoundError('operating', `sealed credential ${name}: changed or cut off`, {
    code: 'seal-damaged',
    hint: 'Take it from a backup of the state, or make the key again at the gateway from its owner’s copy.',
  });
}
