import assert from 'node:assert/strict';
import { createHash, createHmac, createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { hashedId, hashedIdentity, namedIdentity, savedIdentity } from '../../enrich/digest.ts';

function words(digest: Buffer): number[] {
  return [0, 4, 8, 12].map((at) => digest.readInt32BE(at));
}

test('a raw key is known by its HMAC-SHA-256, whatever the length of pepper and key', () => {
  for (const pepperBytes of [16, 63, 64, 65, 200]) {
    const secret = Buffer.alloc(pepperBytes, 'pepper of any length, ÿ');
    const pepper = createSecretKey(secret);
    for (const length of [1, 37, 63, 64, 65, 447, 448, 449, 2000]) {
      const bytes = Buffer.from(Array.from({ length: length + 7 }, (_, i) => (i * 37) & 0xff));
      const key = hashedIdentity(pepper, bytes, 3, 3 + length);
      const mac = createHmac('sha256', secret)
        .update(bytes.subarray(3, 3 + length))
        .digest();
      assert.equal(key.id, `h:${mac.toString('hex', 0, 16)}`, `${pepperBytes} and ${length} bytes`);
      assert.equal(hashedId(pepper, bytes.toString('latin1', 3, 3 + length)), key.id);
      assert.deepEqual([key.digest0, key.digest1, key.digest2, key.digest3], words(mac));
    }
  }
});

test('a key with an id is known by the SHA-256 of the id in UTF-8', () => {
  for (const id of ['kong:77da4c96', 'kong:käse', 'ip:2001:db8::1', 'kong:\u{1f511}']) {
    const { digest0, digest1, digest2, digest3 } = namedIdentity(id);
    const digest = createHash('sha256').update(id, 'utf8').digest();
    assert.deepEqual([digest0, digest1, digest2, digest3], words(digest), id);
  }
});

test('an identity that was saved comes back', () => {
  const bytes = Buffer.from('a raw key');
  const hashed = hashedIdentity(createSecretKey(Buffer.alloc(32, 7)), bytes, 0, bytes.length);
  for (const key of [hashed, namedIdentity('kong:77da4c96')]) {
    assert.deepEqual(savedIdentity(key.id), key);
  }
});
