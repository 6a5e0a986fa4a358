/**
 * Heads of the audit chains, published to a file outside of the store: whoever can change the store cannot take back
 * what it said before. One JSON line each time: {"type":"audit-heads","at":…,"heads":[{writer, sequence, hash}]}.
 */
import { open, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { AuditHead, AuditStore } from '../core/audit.ts';
import { type Clock, toIso } from '../core/clock.ts';
import { KeyhoundError } from '../core/errors.ts';

export const HEADS_EVERY_MS = 3_600_000;

const lineSchema = z.object({
  type: z.literal('audit-heads'),
  at: z.string(),
  heads: z.array(
    z.object({ writer: z.string(), sequence: z.int().min(1), hash: z.string().length(64) }),
  ),
});

export interface PublishedHead extends AuditHead {
  /** When it was published. */
  readonly at: string;
}

export interface HeadsPublisher {
  /** Appends the heads as they are now, if they moved since; answers them. Durable when it resolves. */
  publish(): Promise<readonly AuditHead[]>;
}

export function createHeadsPublisher(options: {
  readonly store: Pick<AuditStore, 'auditHeads'>;
  readonly path: string;
  readonly clock: Clock;
}): HeadsPublisher {
  const { store, path, clock } = options;
  let said = '';
  return {
    async publish() {
      const heads = await store.auditHeads();
      const text = JSON.stringify(heads);
      if (heads.length === 0 || text === said) return heads;
      const line = JSON.stringify({ type: 'audit-heads', at: toIso(clock.now()), heads });
      await appendLine(path, line).catch((cause: unknown) => {
        throw inaccessible(path, 'write', cause);
      });
      said = text;
      return heads;
    },
  };
}

/** Begins on a line of its own, also after one that a crash has cut. */
async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    const begin = size === 0 || buffer.toString() === '\n' ? '' : '\n';
    await file.appendFile(`${begin}${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** All heads that were ever published, oldest first; lines that a crash has cut are passed over and counted. */
export async function readHeads(
  path: string,
): Promise<{ readonly heads: PublishedHead[]; readonly damaged: number }> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw inaccessible(path, 'read', cause);
  });
  const heads: PublishedHead[] = [];
  let damaged = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const parsed = lineSchema.safeParse(jsonOf(line));
    if (parsed.success)
      heads.push(...parsed.data.heads.map((head) => ({ ...head, at: parsed.data.at })));
    else damaged++;
  }
  return { heads, damaged };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function inaccessible(path: string, verb: string, cause: unknown): KeyhoundError {
  return new KeyhoundError('operating', `cannot ${verb} ${path}`, {
    code: 'audit-heads',
    cause,
    hint: 'Check `audit.headsPath`: a file that this user may append to, best on another disk.',
  });
}
