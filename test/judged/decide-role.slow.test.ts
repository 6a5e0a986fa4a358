/** The decide role of the distributed form: verdicts of other processes, and answers with Redis away. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { hashedIdentity } from '../../enrich/digest.ts';
import { pepperKey } from '../../enrich/pepper.ts';
import { openAliasWriter } from '../../store/redis/aliases.ts';
import { openResponseStores } from '../../store/redis/response/open.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import { until } from '../support/until.ts';
import { type Child, PEPPER, scratch, start } from './keyhound.ts';

interface Decider {
  readonly child: Child;
  decision(rawKey: string): Promise<string>;
  readyz(): Promise<{ readonly status: number; readonly text: string }>;
}

async function startDecider(folder: string, redis: RedisServer): Promise<Decider> {
  const config = {
    state: { dir: 'state' },
    listen: { console: '127.0.0.1:0', decide: '127.0.0.1:0' },
    // Never asked: the role needs no broker.
    kafka: { brokers: ['127.0.0.1:1'], partitions: 1 },
    redis: redis.config(),
  };
  writeFileSync(path.join(folder, 'keyhound.yaml'), JSON.stringify(config));
  const child = start(['run', '--role', 'decide', '--json'], { cwd: folder });
  const told = (await child.told(/"listeners":(\{[^}]*\})/))[1]!;
  const listeners = JSON.parse(told) as { console: string; decide: string };
  return {
    child,
    async decision(rawKey) {
      const headers = { 'x-api-key': rawKey, 'x-original-uri': '/v1/orders' };
      const answer = await fetch(`${listeners.decide}/decide/nginx`, { headers });
      return answer.headers.get('x-keyhound-decision') ?? `status ${answer.status}`;
    },
    async readyz() {
      const answer = await fetch(`${listeners.console}/readyz`);
      return { status: answer.status, text: await answer.text() };
    },
  };
}

function idOf(rawKey: string): string {
  const bytes = Buffer.from(rawKey, 'latin1');
  return hashedIdentity(pepperKey(PEPPER).key, bytes, 0, bytes.length).id;
}

async function storesOf(t: TestContext, redis: RedisServer) {
  const stores = await openResponseStores({ config: redis.config() });
  t.after(() => stores.close());
  return stores;
}

test('decide follows verdicts in Redis, goes on without it, and starts without it', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const folder = scratch(t);
  const stores = await storesOf(t, redis);
  const first = await startDecider(folder, redis);
  t.after(() => first.child.kill('SIGKILL'));
  assert.equal(await first.decision('key-of-one'), 'allow');
  await until(async () => (await first.readyz()).status === 200);

  const standing = { untilAt: null };
  await stores.verdicts.putVerdict(sampleVerdict({ key: idOf('key-of-one'), ...standing }));
  await until(async () => (await first.decision('key-of-one')) === 'refuse');
  // A verdict about a credential holds for the raw key that belongs to it, once that is known.
  await stores.verdicts.putVerdict(sampleVerdict({ key: 'kong:two', ...standing }));
  const aliases = await openAliasWriter(redis.config());
  await aliases.put([[idOf('key-of-two'), 'kong:two']]);
  aliases.close();
  await until(async () => (await first.decision('key-of-two')) === 'refuse');

  await redis.kill();
  await until(async () => (await first.readyz()).status === 503);
  const { text } = await first.readyz();
  assert.match(text, /decide: redis/);
  assert.match(text, /answered as of 20/);
  assert.equal(await first.decision('key-of-one'), 'refuse');
  assert.equal(await first.decision('key-of-three'), 'allow');
  first.child.kill('SIGTERM');
  assert.equal((await first.child.ended).status, 143, first.child.stderr);

  const second = await startDecider(folder, redis);
  t.after(() => second.child.kill('SIGKILL'));
  assert.equal(await second.decision('key-of-one'), 'refuse');
  assert.equal(await second.decision('key-of-two'), 'refuse', 'bindings are kept too');
  await redis.restart();
  await stores.verdicts.removeVerdict(idOf('key-of-one'));
  await until(async () => (await second.decision('key-of-one')) === 'allow');
  assert.equal(await second.decision('key-of-two'), 'refuse');
  await until(async () => (await second.readyz()).status === 200);
  assert.doesNotMatch(
    readFileSync(path.join(folder, 'state/decide/aliases.txt'), 'utf8'),
    /key-of/,
  );
});
