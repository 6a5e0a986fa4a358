import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  actionMessage,
  actionOf,
  auditMessage,
  auditOf,
} from '../../app/distributed/response-records.ts';
import type { AuditEntry } from '../../core/audit.ts';
import { auditBodyOf, auditEntryOf } from '../../store/elasticsearch/audit.ts';
import { type AuditBody, placeOf } from '../../store/elasticsearch/documents.ts';
import { sampleAction, sampleNote } from '../support/response-samples.ts';

const ENTRY: AuditEntry = {
  ...sampleNote({ evidence: { incident: 'inc_1', score: 4.5 }, undoes: 'one-0' }),
  id: 'one-1',
  writer: 'one',
  sequence: 1,
  previous: '0'.repeat(64),
  hash: 'a'.repeat(64),
};

test('an audit entry comes back from its document as it was, and stands in it once', () => {
  for (const entry of [ENTRY, { ...ENTRY, subject: '', why: '' }]) {
    const body = JSON.parse(JSON.stringify(auditBodyOf(entry))) as AuditBody;
    assert.deepEqual(auditEntryOf(body), entry);
    assert.ok(!('who' in body) && !('why' in body));
  }
});

test('messages of actions and of the audit log are documents, and nothing else is', () => {
  const entry = auditOf(auditMessage(ENTRY).value);
  assert.ok(entry !== undefined);
  assert.deepEqual(placeOf(entry[0]), {
    kind: 'audit',
    at: ENTRY.at,
    id: 'one-1',
    version: undefined,
  });
  const action = sampleAction({ revision: 3 });
  assert.deepEqual(actionOf(actionMessage(action).value), [{ kind: 'action', body: action }]);
  for (const text of ['', '{', 'null', '[]', '{"type":"finding"}', '{"writer":"x"}']) {
    assert.equal(actionOf(Buffer.from(text)), undefined);
    assert.equal(auditOf(Buffer.from(text)), undefined);
  }
});
