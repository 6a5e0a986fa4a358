/** Entries of the audit log as documents, and back, so that what is read there can be verified. */

import type { AuditEntry } from '../../core/audit.ts';
import { toIso } from '../../core/clock.ts';
import { asOperating, type Connection } from './connection.ts';
import { type AuditBody, aliasOf } from './documents.ts';

/** Nothing that the hash covers is there twice: whoever changes what people see changes what is verified. */
export function auditBodyOf({ at, who, what, subject, why, ...rest }: AuditEntry): AuditBody {
  return {
    ...rest,
    at: toIso(at),
    actor: who,
    action: what,
    reason: why,
    ...(subject === '' ? {} : { subject: { kind: 'key', id: subject } }),
  };
}

export function auditEntryOf({
  at,
  actor,
  action,
  subject,
  reason,
  ...rest
}: AuditBody): AuditEntry {
  const text = { who: actor ?? '', what: action ?? '', why: reason ?? '' };
  return { ...rest, ...text, at: Date.parse(at), subject: subject?.id ?? '' } as AuditEntry;
}

/** Those of a writer from a sequence on, in order. A second or two old. */
export async function readAudit(
  connection: Connection,
  writer: string,
  fromSequence: number,
  limit: number,
): Promise<AuditEntry[]> {
  const own = { term: { 'keyhound.writer': writer } };
  const later = { range: { 'keyhound.sequence': { gte: fromSequence } } };
  try {
    const { hits } = await connection.client.search<{ keyhound: AuditBody }>({
      index: aliasOf(connection.prefix, 'audit'),
      ignore_unavailable: true,
      allow_partial_search_results: false,
      track_total_hits: false,
      query: { bool: { filter: [own, later] } },
      sort: [{ 'keyhound.sequence': 'asc' }],
      size: limit,
    });
    return hits.hits.flatMap(({ _source }) =>
      _source === undefined ? [] : auditEntryOf(_source.keyhound),
    );
  } catch (error) {
    throw asOperating(error, connection);
  }
}
