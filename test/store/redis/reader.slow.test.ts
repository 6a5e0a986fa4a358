/** Who only reads the state asks whether it is of its own pepper and partitions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStateReader } from '../../../store/redis/reader.ts';
import { openRedisState } from '../../../store/redis/state.ts';
import { startRedis } from '../../servers/redis.ts';

test('a reader refuses a state of other partitions or another pepper', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const config = server.config();
  const reader = await openStateReader(config);
  t.after(() => reader.close());
  // Nobody has begun yet.
  await reader.refuse({ partitions: 8, pepperFingerprint: 'mine' });
  const state = await openRedisState({ config, partitions: 4, pepperFingerprint: 'mine' });
  await state.close();
  await reader.refuse({ partitions: 4 });
  await reader.refuse({ partitions: 4, pepperFingerprint: 'mine' });
  await reader.refuse({
    ...{ partitions: 4, pepperFingerprint: 'new', previousFingerprint: 'mine' },
  });
  await assert.rejects(reader.refuse({ partitions: 8 }), { code: 'partitions-changed' });
  const other = { partitions: 4, pepperFingerprint: 'other' };
  await assert.rejects(reader.refuse(other), { code: 'pepper-mismatch', kind: 'usage' });
});
