/** What the response has done, as messages of its topics, and those as documents: JSON, one object a message. */
import type { Action } from '../../core/action.ts';
import type { AuditEntry } from '../../core/audit.ts';
import type { LogMessage } from '../../core/broker.ts';
import { hashText } from '../../core/hash.ts';
import { auditBodyOf } from '../../store/elasticsearch/audit.ts';
import type { ResultDocument } from '../../store/elasticsearch/documents.ts';

/** The key is the action's id: the topic is compacted, so the last revision stays. */
export function actionMessage(action: Action): LogMessage {
  return { key: Buffer.from(action.id), value: Buffer.from(JSON.stringify(action)) };
}

/** All revisions of an action are in one partition, and so in order. */
export function partitionOfAction(id: string, partitions: number): number {
  return hashText(id) % partitions;
}

export function auditMessage(entry: AuditEntry): LogMessage {
  return { key: Buffer.from(entry.writer), value: Buffer.from(JSON.stringify(entry)) };
}

/** Undefined when it is none. */
export function actionOf(value: Uint8Array): [ResultDocument] | undefined {
  const body = objectOf(value) as Action | undefined;
  return body?.type === 'action' ? [{ kind: 'action', body }] : undefined;
}

/** Undefined when it is none. */
export function auditOf(value: Uint8Array): [ResultDocument] | undefined {
  const entry = objectOf(value) as AuditEntry | undefined;
  if (typeof entry?.writer !== 'string' || !Number.isInteger(entry.sequence)) return undefined;
  return [{ kind: 'audit', body: auditBodyOf(entry) }];
}

function objectOf(value: Uint8Array): unknown {
  try {
    const read: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    return typeof read === 'object' && read !== null ? read : undefined;
  } catch {
    return undefined;
  }
}
