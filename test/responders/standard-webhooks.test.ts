/** Signatures of Standard Webhooks: the published vector, several secrets, and all that is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeSecret,
  readSecrets,
  signMessage,
  verifyMessage,
} from '../../responders/standard-webhooks.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const AT = 1_614_265_330_000;
const BODY = '{"test": 2432232314}';
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const MESSAGE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  signature: SIGNATURE,
  body: Buffer.from(BODY),
};

test('the vector of the specification is signed and verified', () => {
  const headers = signMessage({ id: MESSAGE.id, body: BODY }, readSecrets(SECRET), AT + 999);
  assert.equal(headers['webhook-signature'], SIGNATURE);
  assert.equal(headers['webhook-timestamp'], '1614265330');
  assert.equal(verifyMessage(MESSAGE, readSecrets(SECRET), AT), 'good');
});

test('while a secret changes both sides may be first', () => {
  const both = readSecrets([OTHER, SECRET]);
  const { 'webhook-signature': signature } = signMessage({ ...MESSAGE, body: BODY }, both, AT);
  assert.equal(signature.split(' ').length, 2);
  for (const secret of [SECRET, OTHER]) {
    assert.equal(verifyMessage({ ...MESSAGE, signature }, readSecrets(secret), AT), 'good');
  }
  assert.equal(verifyMessage(MESSAGE, both, AT), 'good');
});

test('a changed id, time or body, another secret and other versions are unsigned', () => {
  const secrets = readSecrets(SECRET);
  const changed = [
    { id: 'msg_other' },
    { timestamp: '1614265331' },
    { body: Buffer.from(`${BODY} `) },
    { signature: '' },
    { signature: SIGNATURE.slice(3) },
    { signature: SIGNATURE.replace('v1,', 'v1a,') },
    { signature: 'v1,' },
    { signature: `v1,${Buffer.alloc(32).toString('base64')}` },
    { signature: `${'v1,AAAA '.repeat(100)}${SIGNATURE}` },
  ];
  for (const change of changed) {
    assert.equal(verifyMessage({ ...MESSAGE, ...change }, secrets, AT), 'unsigned');
  }
  assert.equal(verifyMessage(MESSAGE, readSecrets(OTHER), AT), 'unsigned');
  for (const timestamp of ['', 'NaN', '1e9', '-1', '16142653301614265330']) {
    const { 'webhook-signature': signature } = signMessage(
      { id: MESSAGE.id, body: BODY },
      secrets,
      AT,
    );
    assert.equal(verifyMessage({ ...MESSAGE, timestamp, signature }, secrets, AT), 'unsigned');
  }
});

test('a signature is good for five minutes, before and after', () => {
  const secrets = readSecrets(SECRET);
  for (const [away, verdict] of [
    [300_000, 'good'],
    [-300_000, 'good'],
    [300_001, 'stale'],
    [-300_001, 'stale'],
  ] as const) {
    assert.equal(verifyMessage(MESSAGE, secrets, AT + away), verdict);
  }
});

test('a secret is 24 to 64 bytes of base64 after its prefix, and no error repeats it', () => {
  assert.equal(decodeSecret(SECRET)?.length, 24);
  const short = `whsec_${Buffer.alloc(23).toString('base64')}`;
  const long = `whsec_${Buffer.alloc(65).toString('base64')}`;
  for (const bad of [short, long, SECRET.slice(6), `whsec_${SECRET}`, 'whsec_!!', '']) {
    assert.equal(decodeSecret(bad), undefined, bad);
  }
  const bad = 'whsec_a-made-up-secret-that-is-none';
  assert.throws(
    () => readSecrets([SECRET, bad]),
    (error: Error) => !error.message.includes('made-up') && 'code' in error,
  );
});
