import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asOperating } from '../../../store/redis/errors.ts';

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

test('what Redis says becomes an error that names what to do', () => {
  const said: readonly (readonly [Error, string, boolean])[] = [
    [new Error("OOM command not allowed when used memory > 'maxmemory'."), 'redis-full', true],
    [
      new Error('ERR Error running script (call to f_1): @user_script:4: -OOM x'),
      'redis-full',
      true,
    ],
    [new Error('MISCONF Errors writing to the AOF file: No space left'), 'redis-full', true],
    [new Error("READONLY You can't write against a read only replica."), 'redis-read-only', true],
    [new Error('LOADING Redis is loading the dataset in memory'), 'redis-away', true],
    [new Error('BUSY Redis is busy running a script.'), 'redis-away', true],
    [new Error('NOAUTH Authentication required.'), 'redis-login', false],
    [
      new Error('WRONGPASS invalid username-password pair or user is disabled.'),
      'redis-login',
      false,
    ],
    [
      new Error("NOPERM this user has no permissions to run the 'eval' command"),
      'redis-permission',
      false,
    ],
    [new Error('MOVED 3999 127.0.0.1:6381'), 'redis-cluster', false],
    [new Error('WRONGTYPE Operation against a key'), 'redis-foreign', false],
    [
      new Error("ERR unknown command 'EVAL', with args beginning with: 'a'"),
      'redis-version',
      false,
    ],
    [new Error('Connection is closed.'), 'redis-away', true],
    [new Error('Command timed out'), 'redis-away', true],
    [
      new Error("Stream isn't writeable and enableOfflineQueue options is false"),
      'redis-away',
      true,
    ],
    [coded('ECONNREFUSED', 'connect ECONNREFUSED 192.0.2.1:6379'), 'redis-away', true],
    [coded('ENOTFOUND', 'getaddrinfo ENOTFOUND redis.example'), 'redis-away', true],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), 'redis-tls', true],
    [new Error('ERR something new'), 'redis-failed', false],
  ];
  for (const [error, code, retryable] of said) {
    const told = asOperating(error, '192.0.2.1:6379');
    assert.deepEqual([told.kind, told.code, told.retryable], ['operating', code, retryable]);
    assert.match(told.message, /192\.0\.2\.1:6379/);
    assert.ok((told.hint ?? '').length > 10);
  }
});

test('arguments of a command are not repeated, however they come', () => {
  const error = Object.assign(
    new Error("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'made-up'"),
    { command: { name: 'hello', args: ['3', 'AUTH', 'keyhound', 'made-up'] } },
  );
  const told = asOperating(error, 'redis.example:6379');
  const all = [
    told.message,
    told.stack,
    told.cause,
    JSON.stringify(told),
    JSON.stringify(told.cause),
  ];
  assert.doesNotMatch(all.join(' '), /made-up/);
});
