import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PartCache } from '../../core/part-cache.ts';

const RUNS = 300;
/** Around what fits a row (124 bytes), what is kept at all (1024), and a whole number of words. */
const length = fc.oneof(
  fc.nat(9),
  fc.integer({ min: 120, max: 130 }),
  fc.integer({ min: 1020, max: 1028 }),
);
/** Few different bytes, so that parts differ in their last one, or in length alone. */
const part = length.chain((n) => fc.uint8Array({ minLength: n, maxLength: n, max: 1 }));

interface Parsed {
  readonly hex: string;
}

const parse = (bytes: Uint8Array): Parsed => ({ hex: Buffer.from(bytes).toString('hex') });

/** As a part lies in its message: something before it, and something behind it. */
function within(bytes: Uint8Array, before: number): { view: DataView; start: number; end: number } {
  const message = new Uint8Array(before + bytes.length + 5).fill(7);
  message.set(bytes, before);
  return { view: new DataView(message.buffer), start: before, end: before + bytes.length };
}

describe('the cache of parts', () => {
  it('answers what the bytes spell, whatever came to the same slot before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(part, fc.nat(5)), { maxLength: 40 }), (parts) => {
        const cache = new PartCache(4, parse);
        for (const [bytes, before] of parts) {
          const { view, start, end } = within(bytes, before);
          assert.equal(cache.get(view, start, end).hex, Buffer.from(bytes).toString('hex'));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('gives the same object for the same bytes, up to the length that it keeps', () => {
    fc.assert(
      fc.property(part, fc.nat(5), fc.nat(5), (bytes, before, later) => {
        const cache = new PartCache(4, parse);
        const first = within(bytes, before);
        const again = within(bytes, later);
        const known = cache.get(first.view, first.start, first.end);
        const isSame = cache.get(again.view, again.start, again.end) === known;
        assert.equal(isSame, bytes.length <= 1024);
      }),
      { numRuns: RUNS },
    );
  });

  it('keeps nothing of a part that cannot be read', () => {
    let isBroken = true;
    const cache = new PartCache(4, (bytes) => {
      if (isBroken) throw new Error('unreadable');
      return parse(bytes);
    });
    const { view, start, end } = within(new Uint8Array([1, 2, 3, 4, 5]), 0);
    assert.throws(() => cache.get(view, start, end));
    isBroken = false;
    assert.equal(cache.get(view, start, end).hex, '0102030405');
  });
});
