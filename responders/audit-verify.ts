/** Whether the audit log is as it was written. */
import type { AuditEntry, AuditStore } from '../core/audit.ts';
import { hashOf, NO_HASH } from './audit.ts';
import type { PublishedHead } from './audit-heads.ts';

/** Entries read at a time. */
const PAGE = 1000;

export interface ChainCheck {
  readonly writer: string;
  /** That are whole, from the first on. */
  readonly entries: number;
  readonly ok: boolean;
  readonly detail: string;
  /** The first link that does not hold. */
  readonly broken?: {
    readonly id: string;
    readonly kind: 'changed' | 'missing' | 'reordered' | 'rewritten' | 'cut-off';
  };
}

type Broken = NonNullable<ChainCheck['broken']> & { readonly detail: string };

/**
 * Checks each chain from its beginning, and against the heads that were published before. Read the heads first:
 * what is written meanwhile is then no fault.
 */
export async function verifyAudit(
  store: Pick<AuditStore, 'auditHeads' | 'auditEntries'>,
  published: readonly PublishedHead[] = [],
): Promise<ChainCheck[]> {
  const byWriter = Map.groupBy(published, ({ writer }) => writer);
  const writers = new Set((await store.auditHeads()).map(({ writer }) => writer));
  for (const writer of byWriter.keys()) writers.add(writer);
  const checks: ChainCheck[] = [];
  for (const writer of [...writers].sort()) {
    checks.push(await verifyChain(store, writer, byWriter.get(writer) ?? []));
  }
  return checks;
}

async function verifyChain(
  store: Pick<AuditStore, 'auditEntries'>,
  writer: string,
  published: readonly PublishedHead[],
): Promise<ChainCheck> {
  const heads = new Map(published.map((head) => [head.sequence, head]));
  let [entries, previous] = [0, NO_HASH];
  for (;;) {
    const page = await store.auditEntries(writer, entries + 1, PAGE);
    if (page.length === 0) break;
    for (const entry of page) {
      const broken = faultOf(entry, { writer, sequence: entries + 1, previous }, heads);
      if (broken !== undefined) return brokenChain(writer, entries, broken);
      entries++;
      previous = entry.hash;
    }
  }
  const beyond = published.find(({ sequence }) => sequence > entries);
  if (beyond !== undefined) {
    return brokenChain(writer, entries, {
      id: `${writer}-${entries + 1}`,
      kind: 'cut-off',
      detail: `the chain ends after ${entries}, and entry ${beyond.sequence} was published at ${beyond.at}`,
    });
  }
  const against =
    published.length === 0
      ? 'no head of it was published: what is cut off at its end is not seen'
      : `${published.length} published ${published.length === 1 ? 'head agrees' : 'heads agree'}`;
  return { writer, entries, ok: true, detail: `${entries} entries, whole; ${against}` };
}

function faultOf(
  entry: AuditEntry,
  due: { readonly writer: string; readonly sequence: number; readonly previous: string },
  heads: ReadonlyMap<number, PublishedHead>,
): Broken | undefined {
  const id = `${due.writer}-${due.sequence}`;
  const { sequence } = entry;
  if (sequence > due.sequence) return { id, kind: 'missing', detail: `${id} is missing` };
  if (sequence < due.sequence || entry.writer !== due.writer || entry.id !== id) {
    return { id, kind: 'reordered', detail: `in the place of ${id} stands ${entry.id}` };
  }
  if (hashOf(entry) !== entry.hash) {
    return { id, kind: 'changed', detail: `${id} was changed: its hash is another` };
  }
  if (entry.previous !== due.previous) {
    return { id, kind: 'rewritten', detail: `${id} does not follow the entry before it` };
  }
  const head = heads.get(sequence);
  if (head === undefined || head.hash === entry.hash) return undefined;
  const detail = `${id}, or one before it, was written anew since it was published at ${head.at}`;
  return { id, kind: 'rewritten', detail };
}

function brokenChain(writer: string, entries: number, { detail, ...broken }: Broken): ChainCheck {
  return { writer, entries, ok: false, detail: `after ${entries} entries: ${detail}`, broken };
}
