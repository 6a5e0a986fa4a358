import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvent } from '../../core/event.ts';
import { parseKeySpec } from '../../core/key-spec.ts';
import type { FieldName } from '../../core/record.ts';
import { draft, enricher, traits } from './fakes.ts';

const ADDRESSES = ['10.0.0.7', ' 10.0.0.7:443', '192.0.2.9, 10.1.1.1', '[2001:db8::1]:80', '-', ''];
const TARGETS = [
  '/v1/orders/17',
  '/v1/orders?limit=5&page=2',
  '/v1/orders?api_key=key-of-the-query',
  '/v1/orders?api_key=key%2Dof%2Dthe%2Dquery',
  '/v1/orders?api%5Fkey=key-of-the-query&x',
  '/v1/orders?api_key=one&apikey=another',
  '/v1/orders?api_key=same&apikey=same#api_key=other',
  '/v1/orders?api_key=&apikey=-&x-api-key=third',
  `/v1/orders?api_key=${'long-'.repeat(40)}`,
];

/** Records that differ in everything that a hint is about, several keys each. */
function records(): Partial<Record<FieldName, string>>[] {
  const made: Partial<Record<FieldName, string>>[] = [];
  for (let i = 0; i < 600; i++) {
    made.push({
      clientAddress: ADDRESSES[i % ADDRESSES.length]!,
      forwardedFor: `203.0.113.${i % 5}`,
      target: TARGETS[i % TARGETS.length]!,
      ...(i % 4 !== 0 && { rawKey: i % 8 === 1 ? 'x'.repeat(300) : `raw-key-${i % 7}` }),
      ...(i % 5 !== 0 && { credentialId: `credential-${i % 3}` }),
      ...(i % 3 !== 0 && { consumer: `consumer-${i % 3}` }),
    });
  }
  return made;
}

for (const key of [undefined, 'query:api_key', 'header:apikey', 'client_ip', 'bearer']) {
  test(`looking ahead changes no event and no outcome (--key ${key ?? 'not given'})`, () => {
    const source = traits(key === undefined ? {} : { key: parseKeySpec(key) });
    const options = { cacheSlots: 64, trustedProxies: ['10.1.0.0/16'] };
    const one = enricher(options);
    const many = enricher(options);
    const all = records();
    for (let from = 0; from < all.length; from += 32) {
      const texts = all.slice(from, from + 32);
      const drafts = texts.map((text) => draft(text));
      many.ahead(drafts, drafts.length, source);
      for (const [i, text] of texts.entries()) {
        const [a, b] = [createEvent(), createEvent()];
        const expected = one.resolve(draft(text), source, a);
        assert.equal(many.resolve(drafts[i]!, source, b), expected, JSON.stringify(text));
        assert.deepEqual(b, a, JSON.stringify(text));
      }
    }
    assert.deepEqual(many.flawed, one.flawed);
    assert.deepEqual(many.aliases.snapshot(), one.aliases.snapshot());
  });
}
