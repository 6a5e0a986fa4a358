/** The numbers of control records, on a real Redis: one sequence, one writer, nothing numbered and forgotten. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisSchema } from '../../../core/config.ts';
import { type ControlNumbers, openControlNumbers } from '../../../store/redis/control.ts';
import { type RedisServer, startRedis } from '../../servers/redis.ts';

let server: RedisServer;
let numbers: ControlNumbers;
before(async () => {
  server = await startRedis();
  numbers = await openControlNumbers(redisSchema.parse({ url: server.url, prefix: 'numbers' }));
});
after(async () => {
  numbers?.close();
  await server?.stop();
});

test('a number is kept with its record until it has arrived, and asked for again it is the same', async () => {
  assert.equal(await numbers.begin('first'), true);
  assert.equal(await numbers.pending(), undefined);
  assert.equal(await numbers.take('first', 0, 'a'), 1);
  assert.equal(await numbers.take('first', 0, 'a'), 1, 'a repeat after a time-out');
  assert.equal(await numbers.begin('second'), false, 'it is the turn of another');
  assert.deepEqual(await numbers.pending(), { sequence: 1, record: 'a' });
  // It did not arrive: the next writer finds it.
  await numbers.end('first', undefined);
  assert.equal(await numbers.begin('second'), true);
  assert.deepEqual(await numbers.pending(), { sequence: 1, record: 'a' });
  assert.equal(await numbers.take('first', 0, 'b'), undefined, 'its turn is over');
  assert.equal(await numbers.take('second', 7, 'b'), 8, 'above what is known to have been said');
  await numbers.end('second', 8);
  assert.equal(await numbers.pending(), undefined);
  assert.equal(await numbers.begin('third'), true);
  assert.equal(await numbers.take('third', 0, 'c'), 9);
  await numbers.end('second', 8);
  const left = await numbers.pending();
  assert.deepEqual(left, { sequence: 9, record: 'c' }, 'a late end changes nothing');
});
