import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KeyhoundError } from '../../../core/errors.ts';
import { openRedisState } from '../../../store/redis/state.ts';
import { type RedisServer, startRedis } from '../../servers/redis.ts';
import { checkpointNumber, numbersIn } from '../rows.ts';
import { loaded } from '../state-contract.ts';
import { newPrefix, openOwned, PEPPER } from './driver.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

function rejectsWith(run: Promise<unknown>, kind: string, code: string): Promise<void> {
  return assert.rejects(run, (error: unknown) => {
    assert.ok(error instanceof KeyhoundError, String(error));
    assert.deepEqual([error.kind, error.code], [kind, code]);
    assert.ok((error.hint ?? '').length > 10, 'a hint');
    return true;
  });
}

test('the older of two owners is fenced, and writes nothing', async () => {
  const config = server.config(newPrefix());
  const older = await openOwned(config);
  await older.state.commit(checkpointNumber(1));
  const newer = await openOwned(config);
  assert.ok(newer.state.epoch > older.state.epoch);
  await rejectsWith(older.state.commit(checkpointNumber(2)), 'operating', 'fenced');
  assert.deepEqual([...numbersIn(await loaded(newer.state))], [1]);
  await newer.state.commit(checkpointNumber(3));
  await rejectsWith(older.state.commit(checkpointNumber(4)), 'operating', 'fenced');
  assert.deepEqual([...numbersIn(await loaded(newer.state))], [3]);
  await older.state.close();
  await newer.state.close();
});

test('the position in the log is saved with the state it belongs to', async () => {
  const config = server.config(newPrefix());
  const first = await openOwned(config);
  await first.state.commit({ ...checkpointNumber(1), logPosition: 2 ** 41 + 7 });
  await first.state.commit(checkpointNumber(2));
  await first.state.close();
  const second = await openOwned(config);
  assert.equal((await second.state.load())?.logPosition, 2 ** 41 + 7);
  await second.state.close();
});

test('another number of partitions and another pepper are refused', async () => {
  const config = server.config(newPrefix());
  await (await openOwned(config)).state.close();
  const open = (partitions: number, pepperFingerprint: string) =>
    openRedisState({ config, partitions, pepperFingerprint });
  await rejectsWith(open(2, PEPPER), 'usage', 'partitions-changed');
  await rejectsWith(open(1, 'ffff'), 'usage', 'pepper-mismatch');
  await (await open(1, PEPPER)).close();
});
