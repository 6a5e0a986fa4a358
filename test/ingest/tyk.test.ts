/** How Tyk names keys: what is a name, what is none, and what a client cannot do to it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { KeyhoundError } from '../../core/errors.ts';
import type { FormatOptions } from '../../core/format.ts';
import { createDraft, FIELD, fieldText, type RecordDraft } from '../../core/record.ts';
import { tyk } from '../../ingest/formats/tyk.ts';

function read(record: object | string, options: FormatOptions = {}): RecordDraft {
  const text = typeof record === 'string' ? record : JSON.stringify(record);
  const bytes = Buffer.from(text);
  const draft = createDraft();
  assert.equal(tyk.createDecoder(options).decode(bytes, 0, bytes.length, draft), 0, text);
  return draft;
}

function pump(members: object) {
  return { timestamp: '2026-03-01T10:00:00Z', response_code: 200, raw_path: '/v1', ...members };
}

function access(apiKey: string, path = '/v1'): string {
  const head = `time="2026-03-01T10:00:00Z" level=info api_key=${apiKey}`;
  return `${head} path=${path} prefix=access-log status=200`;
}

test('api_key is the raw key, or by the operator\u2019s word its hash, in every kind of record', () => {
  const hash = '6129dc1e8b64c6b4';
  const wrapped = { 'tyk-analytics-record': pump({ api_key: hash }), level: 'info', msg: '' };
  for (const record of [pump({ api_key: hash }), wrapped, access(hash)]) {
    assert.equal(fieldText(read(record), FIELD.rawKey), hash);
    const named = read(record, { fields: { keyId: 'api_key' } });
    assert.equal(fieldText(named, FIELD.credentialId), hash);
    assert.equal(fieldText(named, FIELD.rawKey), '');
  }
});

test('a key shown in part, and the hash of no key, name nobody', () => {
  const sha256 = createHash('sha256').digest('hex');
  for (const none of ['"****a1b2"', '"--"', '00000000', '0000000000000000', sha256, '""']) {
    for (const fields of [undefined, { keyId: 'api_key' }]) {
      const draft = read(access(none), { fields });
      assert.equal(fieldText(draft, FIELD.rawKey) + fieldText(draft, FIELD.credentialId), '', none);
    }
  }
});

test('a path that was decoded gets no query, so no key in one, from a client', () => {
  const path = '/v1/orders?api_key=of-somebody-else';
  for (const record of [pump({ raw_path: path, api_key: 'k' }), access('k', `"${path}"`)]) {
    assert.equal(fieldText(read(record), FIELD.target), '/v1/orders%3Fapi_key=of-somebody-else');
  }
});

test('fields that mean nothing to Tyk are refused, with the one that does', () => {
  assert.throws(
    () => tyk.createDecoder({ fields: { at: 'time' } }),
    (error) =>
      error instanceof KeyhoundError && error.kind === 'usage' && /"at"/.test(error.message),
  );
});
