/** `npm run stack`, with real servers. They come from test/servers/install.sh. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { launch, makeFolder, type Stack, startStack } from './native.ts';

async function elasticsearch(
  stack: Stack,
  user: string,
  password: string,
  url: string,
  method = 'GET',
): Promise<number> {
  const login = Buffer.from(`${user}:${password}`).toString('base64');
  const answer = await fetch(`http://127.0.0.1:${stack.ports.ELASTICSEARCH}${url}`, {
    method,
    headers: { authorization: `Basic ${login}`, 'content-type': 'application/json' },
    ...(method === 'PUT' ? { body: '{"kept": true}' } : {}),
  });
  return answer.status;
}

test('servers have the settings and rights of deploy/; killed, they leave nothing but their data', async (t) => {
  const folder = makeFolder(t);
  const first = await startStack(t, folder, '--servers');
  const password = first.secret('elasticsearch-password');
  assert.equal(await elasticsearch(first, 'keyhound', password, '/keyhound-a/_doc/1', 'PUT'), 201);
  assert.equal(await elasticsearch(first, 'keyhound', password, '/other/_doc/1', 'PUT'), 403);
  assert.equal(await elasticsearch(first, 'keyhound', 'wrong', '/_cluster/health'), 401);
  const operator = first.secret('operator-password');
  assert.equal(await elasticsearch(first, 'operator', operator, '/keyhound-a/_search'), 200);
  assert.equal(await elasticsearch(first, 'operator', operator, '/keyhound-a', 'DELETE'), 403);

  const second = launch(folder, ['--servers']);
  assert.deepEqual(await once(second, 'exit'), [1, null], 'a second one on the same folder');

  assert.notDeepEqual(first.left(), []);
  first.child.kill('SIGKILL');
  await until(() => first.left().length === 0);

  const again = await startStack(t, folder, '--servers');
  assert.equal(await elasticsearch(again, 'keyhound', password, '/keyhound-a/_doc/1'), 200);
  again.child.kill('SIGTERM');
  assert.deepEqual(await once(again.child, 'exit'), [0, null]);
  assert.deepEqual(again.left(), []);
});
