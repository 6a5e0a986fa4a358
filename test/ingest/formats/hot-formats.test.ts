import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REJECTION } from '../../../core/format.ts';
import { AUTH, createDraft, FIELD, fieldText, LIMITED_BY } from '../../../core/record.ts';
import { formatById } from '../../../ingest/formats/list.ts';

function decode(id: string, text: string) {
  const draft = createDraft();
  const bytes = new TextEncoder().encode(text);
  const result = formatById(id).createDecoder({}).decode(bytes, 0, bytes.length, draft);
  return { draft, result };
}

test('kong: credential, raw key and address come from their own paths only', () => {
  const { draft, result } = decode(
    'kong',
    JSON.stringify({
      request: {
        method: 'GET',
        uri: '/x?"client_ip":"203.0.113.66"',
        size: 5,
        headers: { apikey: 'RAW', 'user-agent': '","client_ip":"203.0.113.66' },
        client_ip: '203.0.113.66',
      },
      response: { status: 429, size: 7, headers: {} },
      latencies: { request: 12 },
      authenticated_entity: { id: 'cred-1' },
      consumer: { username: 'acme' },
      client_ip: '198.51.100.7',
      started_at: 1_772_359_200_000,
      source: 'exit',
    }),
  );
  assert.equal(result, REJECTION.ok);
  assert.equal(draft.at, 1_772_359_200_000);
  assert.equal(draft.auth, AUTH.ok);
  assert.equal(draft.limitedBy, LIMITED_BY.gateway);
  assert.equal(fieldText(draft, FIELD.clientAddress), '198.51.100.7');
  assert.equal(fieldText(draft, FIELD.credentialId), 'cred-1');
  assert.equal(fieldText(draft, FIELD.rawKey), 'RAW');
  assert.equal(fieldText(draft, FIELD.userAgent), '","client_ip":"203.0.113.66');
});

test('combined: a user name cannot pass for the time or the request', () => {
  const { draft, result } = decode(
    'combined',
    '198.51.100.7 - x [01/Jan/2020:00:00:00 +0000] [22/Nov/2026:04:18:21 +0100] ' +
      '"GET /a\\"b HTTP/1.1" 401 - "-" "curl/8"',
  );
  assert.equal(result, REJECTION.ok);
  assert.equal(draft.at, Date.UTC(2026, 10, 22, 3, 18, 21));
  assert.equal(draft.status, 401);
  assert.equal(draft.bytesOut, 0);
  assert.equal(fieldText(draft, FIELD.target), '/a"b');
  assert.equal(fieldText(draft, FIELD.rawKey), 'x [01/Jan/2020:00:00:00 +0000]');
});

test('keyhound: a record without a time or without a key is refused with that reason', () => {
  assert.equal(decode('keyhound', '{"key":"k"}').result, REJECTION.noTime);
  assert.equal(decode('keyhound', '{"at":"2026-03-01T10:00:00.123Z"}').result, REJECTION.noKey);
  const { draft, result } = decode(
    'keyhound',
    '{"at":"2026-03-01T10:00:00.123Z","keyId":"k1","status":200}',
  );
  assert.equal(result, REJECTION.ok);
  assert.equal(draft.at, Date.UTC(2026, 2, 1, 10, 0, 0, 123));
  assert.equal(draft.auth, AUTH.ok);
});
