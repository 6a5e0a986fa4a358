/** What `decide` hears of verdicts, with Redis coming and going. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openResponseStores } from '../../../../store/redis/response/open.ts';
import { openVerdictFeed } from '../../../../store/redis/response/verdict-feed.ts';
import { startRedis } from '../../../servers/redis.ts';
import { sampleVerdict } from '../../../support/response-samples.ts';
import { until } from '../../../support/until.ts';

test('changes of any process are heard, also after Redis was away, and nothing of before', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const stores = await openResponseStores({ config: server.config() });
  t.after(() => stores.close());
  await stores.verdicts.putVerdict(sampleVerdict({ key: 'kong:before' }));
  const feed = openVerdictFeed(server.config());
  t.after(() => feed.close());
  const heard: string[] = [];
  feed.onVerdict((key, verdict) => heard.push(`${key} ${verdict?.rung ?? 'gone'}`));
  await until(() => feed.trouble() === undefined);
  assert.deepEqual(await feed.verdicts(), [sampleVerdict({ key: 'kong:before' })]);
  await stores.verdicts.putVerdict(sampleVerdict({ key: 'kong:a' }));
  await stores.verdicts.removeVerdict('kong:a');
  await until(() => heard.length === 2);
  assert.deepEqual(heard, ['kong:a suspend', 'kong:a gone']);
  await server.kill();
  await until(() => feed.trouble() !== undefined);
  await assert.rejects(feed.verdicts());
  await server.restart();
  await stores.verdicts.putVerdict(sampleVerdict({ key: 'kong:b', rung: 'revoke' }));
  await until(() => heard.length === 3);
  assert.equal(heard[2], 'kong:b revoke');
  assert.equal((await feed.verdicts()).length, 2);
});

test('a feed opens while Redis is away, and says so', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  await server.kill();
  const feed = openVerdictFeed(server.config());
  t.after(() => feed.close());
  await assert.rejects(feed.verdicts());
  await until(() => /does not answer/.test(feed.trouble() ?? ''));
  await server.restart();
  await until(() => feed.trouble() === undefined);
  assert.deepEqual(await feed.verdicts(), []);
});
