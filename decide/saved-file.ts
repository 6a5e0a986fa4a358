/** Files of the endpoint: read at start, replaced whole or not at all. */
import fs from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

/** Undefined when there is none. Throws on one that cannot be read. */
export function readSaved(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The parts one after the other, durable when it resolves. Each part is a turn of its own: requests come between. */
export async function replaceSaved(path: string, parts: Iterable<string>): Promise<void> {
  const part = `${path}.part`;
  try {
    const file = await open(part, 'w', 0o600);
    try {
      for (const text of parts) {
        if (text !== '') await file.writeFile(text);
        await setImmediate();
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}
