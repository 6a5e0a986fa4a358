/**
 * The audit log: one chain of entries a writer, each with the hash of the one before.
 *
 * Grammar of what is hashed: canonical JSON (RFC 8785: names sorted by their UTF-16 units, no spaces, numbers and
 * strings as JSON.stringify writes them) of all fields of the entry but `hash`; SHA-256, in hex.
 *
 * A chain proves that nothing inside it was changed, removed or reordered, unless all that follows was made anew; the
 * heads that are published outside of the store (audit-heads.ts) prove that it was not, and that nothing was cut off.
 */
import { createHash } from 'node:crypto';
import type { AuditEntry, AuditHead, AuditLog, AuditNote, AuditStore } from '../core/audit.ts';
import { KeyhoundError } from '../core/errors.ts';
import { Turns } from '../core/turns.ts';

/** What the first entry of a chain follows. */
export const NO_HASH = '0'.repeat(64);

/** Notes that may wait at once; what comes beyond is refused, and so not done. */
const WAITING_MAX = 10_000;
/** Times that an entry is made anew because another process of the same name was first. */
const TRIES = 100;

export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, of]) => `${JSON.stringify(name)}:${canonicalJson(of)}`).join(',')}}`;
}

export function hashOf(entry: Omit<AuditEntry, 'hash'>): string {
  const { hash: _, ...rest } = entry as AuditEntry;
  return createHash('sha256').update(canonicalJson(rest)).digest('hex');
}

/** The entry that follows a head. */
export function entryAfter(head: AuditHead, note: AuditNote): AuditEntry {
  const { writer } = head;
  const sequence = head.sequence + 1;
  // As it will be read: what JSON has no word for is gone before it is hashed.
  const plain = JSON.parse(JSON.stringify(note)) as AuditNote;
  const rest = { ...plain, id: `${writer}-${sequence}`, writer, sequence, previous: head.hash };
  return { ...rest, hash: hashOf(rest) };
}

/**
 * `writer` names the process that writes, e.g. its host: a process that takes the place of another goes on with its
 * chain, and two of one name do too, each of their entries taking its turn.
 */
export function createAuditLog(options: {
  readonly store: Pick<AuditStore, 'appendAudit' | 'auditHead'>;
  readonly writer: string;
}): AuditLog {
  const { store, writer } = options;
  let head: AuditHead | undefined;
  let waiting = 0;
  const turns = new Turns();

  async function append(note: AuditNote): Promise<AuditEntry> {
    for (let tries = 0; tries < TRIES; tries++) {
      head ??= (await store.auditHead(writer)) ?? { writer, sequence: 0, hash: NO_HASH };
      const entry = entryAfter(head, note);
      // Not known until it is taken: after an error it may be there or not.
      head = undefined;
      if (await store.appendAudit(entry)) {
        head = { writer, sequence: entry.sequence, hash: entry.hash };
        return entry;
      }
    }
    throw new Error(`others of the name ${writer} were first ${TRIES} times`);
  }

  return {
    record(note) {
      if (waiting >= WAITING_MAX) return Promise.reject(unwritten('too many entries wait'));
      waiting++;
      return turns
        .take(() => append(note))
        .catch((cause: unknown) => {
          throw unwritten('the store did not take it', cause);
        })
        .finally(() => {
          waiting--;
        });
    },
  };
}

function unwritten(reason: string, cause?: unknown): KeyhoundError {
  return new KeyhoundError('operating', `the audit log cannot be written: ${reason}`, {
    code: 'audit-unwritten',
    cause,
    retryable: true,
    hint: 'Nothing is done at a gateway until it can be. Look at the disk, or at Kafka in the distributed form.',
  });
}
