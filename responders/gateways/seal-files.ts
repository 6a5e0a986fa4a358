/** Sealed pre-images as files of a folder, one each. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { assert, KeyhoundError } from '../../core/errors.ts';
import type { SealStore } from '../../core/seal.ts';

const NAME = /^[a-z0-9-]{1,64}$/;
const END = '.seal';
/** One at a time writes a name: what a crash left is written over, and removed with it. */
const DRAFT = '.draft';

export function sealFiles(folder: string): SealStore {
  const fileOf = (name: string): string => {
    assert(NAME.test(name), 'name of a sealed credential');
    return path.join(folder, `${name}${END}`);
  };
  return {
    async put(name, sealed) {
      const file = fileOf(name);
      const draft = `${file}${DRAFT}`;
      try {
        const made = await mkdir(folder, { recursive: true, mode: 0o700 });
        if (made !== undefined) await syncFolder(path.dirname(made));
        await writeDurably(draft, sealed);
        await rename(draft, file);
        await syncFolder(folder);
      } catch (cause) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw new KeyhoundError('operating', 'cannot seal a credential: nothing was deleted', {
          cause,
          code: 'seal-failed',
          retryable: true,
          hint: 'Is the state folder writable, with room on its disk?',
        });
      }
    },
    async get(name) {
      try {
        return await readFile(fileOf(name));
      } catch (cause) {
        if (isMissing(cause)) return undefined;
        throw new KeyhoundError('operating', 'cannot read a sealed credential', {
          cause,
          code: 'seal-failed',
          retryable: true,
        });
      }
    },
    async remove(name) {
      await rm(fileOf(name), { force: true });
      await rm(`${fileOf(name)}${DRAFT}`, { force: true });
      // Not there: nothing was ever sealed.
      await syncFolder(folder).catch((cause: unknown) => {
        if (!isMissing(cause)) throw cause;
      });
    },
    async names() {
      const files = await readdir(folder).catch((cause: unknown) => {
        if (isMissing(cause)) return [];
        throw cause;
      });
      return files.filter((file) => file.endsWith(END)).map((file) => file.slice(0, -END.length));
    },
  };
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A rename or deletion is durable once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
