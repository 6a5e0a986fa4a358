/** Traefik's common format escapes nothing: what a client writes may cost the line, and never changes another field. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { REJECTION } from '../../core/format.ts';
import { createDraft, FIELD, fieldText } from '../../core/record.ts';
import { traefik } from '../../ingest/formats/traefik.ts';

const pieces = fc.constantFrom(
  ...['"', ' ', '-', ' - ', '[', ']', '401', '200', '5', 'x', 'GET /', ' HTTP/1.1', '4ms', '\\'],
  ...['victim', '203.0.113.66', '[01/Jan/2020:00:00:00 +0000]', '" 200 5 "-" "-" 1 "r" "u" 4ms'],
);
const written = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));

test('what a client writes as its name, query, referer and agent is refused or changes only itself', () => {
  const decoder = traefik.createDecoder({});
  let read = 0;
  fc.assert(
    fc.property(written, written, written, written, (user, query, referer, agent) => {
      const line = Buffer.from(
        `198.51.100.7 - u${user} [01/Mar/2026:10:00:00 +0000] "GET /v1/orders?${query} HTTP/1.1" 401 17 ` +
          `"r${referer}" "a${agent}" 44 "api@file" "-" 7ms`,
      );
      const draft = createDraft();
      if (decoder.decode(line, 0, line.length, draft) !== REJECTION.ok) return;
      read++;
      assert.equal(new Date(draft.at).toISOString(), '2026-03-01T10:00:00.000Z');
      assert.deepEqual([draft.status, draft.bytesOut, draft.durationMs], [401, 17, 7]);
      const text = (field: number) => fieldText(draft, field);
      assert.equal(text(FIELD.clientAddress), '198.51.100.7');
      assert.deepEqual([text(FIELD.credentialId), text(FIELD.rawKey)], ['', `u${user}`]);
      assert.deepEqual(
        [text(FIELD.method), text(FIELD.target), text(FIELD.route), text(FIELD.userAgent)],
        ['GET', `/v1/orders?${query}`, 'api@file', `a${agent}`],
      );
    }),
    { seed: Number(process.env['FUZZ_SEED'] ?? 20260301), numRuns: 5000 },
  );
  assert.ok(read > 50, `only ${read} lines were read`);
});
