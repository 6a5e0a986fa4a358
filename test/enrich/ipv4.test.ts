import assert from 'node:assert/strict';
import { test } from 'node:test';
import ipaddr from 'ipaddr.js';
import { Addresses, networkCode } from '../../enrich/address.ts';
import { openGeography } from '../../enrich/geography.ts';
import { ipv4NetworkCode, ipv4Of, kindOfIpv4 } from '../../enrich/ipv4.ts';
import { draft } from './fakes.ts';

const geography = openGeography();

/** In the code of ipaddr.js, not in its types. */
interface Known {
  readonly SpecialRanges: Record<string, readonly (readonly [ipaddr.IPv4, number])[]>;
}

/** The edges of every range that ipaddr.js knows, and addresses from all over. */
function addresses(): string[] {
  const numbers: number[] = [0, 1, 0xffffffff];
  const { SpecialRanges } = ipaddr.IPv4.prototype as unknown as Known;
  for (const ranges of Object.values(SpecialRanges)) {
    for (const [base, bits] of ranges) {
      const first = ipv4Of(base.toString());
      const after = first + 2 ** (32 - bits);
      numbers.push(first - 1, first, first + 1, after - 1, after);
    }
  }
  for (let i = 0; i < 20_000; i++) numbers.push(Math.imul(i, 0x9e3779b1) >>> 0);
  return numbers
    .filter((number) => number >= 0 && number <= 0xffffffff)
    .map((number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.'));
}

test('an IPv4 address as a number is judged as ipaddr.js and the geography judge its text', () => {
  let located = 0;
  for (const text of addresses()) {
    const address = ipaddr.parse(text);
    const number = ipv4Of(text);
    assert.equal(ipv4NetworkCode(number), networkCode(address), text);
    const place = geography.placeOf(address);
    assert.equal(geography.placeOfIpv4?.(number), place, text);
    if (kindOfIpv4(number) === 'public') located++;
    else assert.equal(kindOfIpv4(number), place.kind, text);
  }
  assert.ok(located > 10_000);
});

test('what is not four decimal numbers is no IPv4 address', () => {
  for (const text of ['', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.1.1.1', '1.2.3.4 ', '::1.2.3.4']) {
    assert.equal(ipv4Of(text), -1, text);
  }
  assert.equal(ipv4Of('255.255.255.255'), 0xffffffff);
});

test('an address is the same written as IPv6, also with trusted proxies and without a way for numbers', () => {
  const texts = addresses().filter((_, i) => i % 97 === 0);
  const trustedProxies = ['10.0.0.0/8', '192.0.2.7'];
  const { placeOfIpv4: _, ...slow } = geography;
  const [fast, plain] = [geography, slow].map(
    (by) => new Addresses({ geography: by, trustedProxies, cacheSlots: 64 }),
  );
  for (const text of texts) {
    const expected = plain!.resolve(draft({ clientAddress: text }));
    const [a, b] = text.split('.').map(Number) as [number, number];
    assert.equal(expected.kind, 'address');
    assert.equal(expected.trusted, a === 10 || text === '192.0.2.7', text);
    assert.match(expected.networkId, new RegExp(`^${a}\\.${b}\\.\\d+\\.0/24$`));
    assert.equal(expected.identity?.id, `ip:${text}`);
    for (const written of [text, `::ffff:${text}`]) {
      const address = fast!.resolve(draft({ clientAddress: written }));
      for (const field of ['kind', 'place', 'network', 'networkId', 'trusted'] as const) {
        assert.equal(address[field], expected[field], `${written} ${field}`);
      }
      assert.deepEqual(address.identity, expected.identity);
    }
  }
});
