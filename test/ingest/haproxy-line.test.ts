/** Lines that HAProxy's `len`, or a client that writes a captured cookie, would make mean something else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDraft, FIELD, fieldText, LIMITED_BY } from '../../core/record.ts';
import { haproxy } from '../../ingest/formats/haproxy.ts';

const HEAD = '198.51.100.7:34140 [22/Nov/2026:04:20:36.881] fe fe/<NOSRV> 0/-1/-1/-1/0 429 49 ';

function read(line: string) {
  const draft = createDraft();
  const bytes = Buffer.from(`${line}/&?" 1/1/0/0/0 0/0 "`);
  const result = haproxy.createDecoder({}).decode(bytes, 0, Buffer.byteLength(line), draft);
  return {
    result,
    method: fieldText(draft, FIELD.method),
    target: fieldText(draft, FIELD.target),
    limitedBy: draft.limitedBy,
  };
}

test('of a request that was cut, only whole segments and whole parameters are read', () => {
  const before = `${HEAD}- - PR-- 1/1/0/0/0 0/0 {|curl/7.88.1} "`;
  for (const [request, target] of [
    ['GET /v1/orders?api_key=raw-key-value-1&next=aaaa', '/v1/orders?api_key=raw-key-value-1'],
    ['GET /v1/orders?api_key=raw-ke', '/v1/orders'],
    ['GET /v1/orders/17', '/v1/orders'],
    ['GET /aaaaaaaaaaaaaaaaaa', '/'],
    ['GET /v1/a#22b?x=1&', '/v1/a"b?x=1'],
    ['GE', ''],
    ['', ''],
  ] as const) {
    const { result, ...read_ } = read(before + request);
    assert.deepEqual(
      [result, read_.target, read_.limitedBy],
      [0, target, LIMITED_BY.gateway],
      request,
    );
  }
});

test('a captured cookie cannot stand for the request, the state or the counters', () => {
  const forged = 'x ---- 1/1/0/0/0 0/0 "GET /forged HTTP/1.1"';
  for (const request of ['"GET /v1/real/ HTTP/1.1"', '"GET /v1/real/aaaaaaaaaaaaa']) {
    for (const cookie of [forged, `${forged} 0/0`, `${forged} {a|b}`, `"`, `" "`, `x "`]) {
      const { result, target, limitedBy } = read(
        `${HEAD}sid=${cookie} - PR-- 1/1/0/0/0 0/0 {a} ${request}`,
      );
      assert.equal(result, 0, cookie);
      assert.match(target, /^\/v1\/real/, cookie);
      assert.equal(limitedBy, LIMITED_BY.gateway, cookie);
    }
  }
});
