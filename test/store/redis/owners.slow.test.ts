import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisState, type RedisState } from '../../../store/redis/state.ts';
import { type RedisServer, startRedis } from '../../servers/redis.ts';
import { checkpointNumber, EMPTY, numbered, numbersIn } from '../rows.ts';
import { loaded } from '../state-contract.ts';
import { ALL_GROUPS, newPrefix, openOwned, PEPPER } from './driver.ts';
import { rejectsWith } from './refusals.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

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

test('partitions do not touch each other, and each keeps what the engine as a whole has learned', async (t) => {
  const config = server.config(newPrefix());
  const open = () => openRedisState({ config, partitions: 2, pepperFingerprint: PEPPER });
  const groupsOf = (partition: number) => ALL_GROUPS.filter((group) => group % 2 === partition);
  const checkpointOf = (partition: number, n: number) => {
    const { subjects, ...rest } = checkpointNumber(n);
    const own = [...subjects].filter(({ group }) => group % 2 === partition);
    // Part of group 0, whoever writes it: of the engine as a whole.
    const groups = [{ group: 0, part: 'routes', bytes: numbered(n, 9) }];
    return { ...rest, subjects: own, groups, open: [], logPosition: n };
  };
  const redis = await open();
  t.after(() => redis.close());
  const states = await Promise.all([0, 1].map((p) => redis.partition(p, groupsOf(p))));
  await Promise.all(states.map((state, p) => state.commit(checkpointOf(p, 10 + p))));
  const again = await open();
  t.after(() => again.close());
  for (const p of [0, 1]) {
    const kept = await loaded(await again.partition(p, groupsOf(p)));
    assert.deepEqual([...numbersIn(kept)], [10 + p]);
    assert.equal(kept.logPosition, 10 + p);
    assert.deepEqual(kept.groups, [{ group: 0, part: 'routes', bytes: numbered(10 + p, 9) }]);
    assert.ok([...kept.subjects].every(({ group }) => group % 2 === p));
  }
  const foreign = checkpointOf(1, 12);
  await assert.rejects((await again.partition(0, groupsOf(0))).commit(foreign), /belongs/);
});

test('a subject that is not of the key groups of its partition is not written', async (t) => {
  const redis = await openRedisState({
    config: server.config(newPrefix()),
    partitions: 2,
    pepperFingerprint: PEPPER,
  });
  t.after(() => redis.close());
  const state = await redis.partition(0, [0]);
  await assert.rejects(state.commit(checkpointNumber(1)), /belongs to partition 0/);
  assert.equal(await state.load(), undefined);
});

test('state of the pepper before becomes one of the new pepper with its first checkpoint', async (t) => {
  const config = server.config(newPrefix());
  const open = async (pepperFingerprint: string, previousFingerprint?: string) => {
    const redis = await openRedisState({
      config,
      partitions: 2,
      pepperFingerprint,
      previousFingerprint,
    });
    t.after(() => redis.close());
    return redis;
  };
  const claim = (redis: RedisState, p: number) => redis.partition(p, [p]);
  const old = await open('old');
  for (const p of [0, 1]) await (await claim(old, p)).commit({ ...EMPTY, meta: { p } });
  const changing = await open('new', 'old');
  const state = await claim(changing, 0);
  // Nothing was bound under the new one yet, so the former still opens it.
  await claim(await open('old'), 1);
  await (await claim(changing, 0)).commit({ ...EMPTY, meta: { changed: true } });
  await rejectsWith(state.commit(EMPTY), 'operating', 'fenced');
  await rejectsWith(open('old'), 'usage', 'pepper-mismatch');
  const changed = await open('new');
  await claim(changed, 0);
  // The other partition was not written under the new one.
  await rejectsWith(claim(changed, 1), 'usage', 'pepper-mismatch');
  await claim(await open('new', 'old'), 1);
});

test('state of a later layout is refused', async (t) => {
  const config = server.config(newPrefix());
  await (await openOwned(config)).state.close();
  const admin = new Redis(server.url);
  t.after(() => admin.disconnect());
  await admin.hset(`${config.prefix}:meta`, 'layout', 99);
  await rejectsWith(openOwned(config), 'usage', 'state-newer');
});
