/** Keyhound by role on real servers, as `npm run stack` starts it. They come from test/servers/install.sh. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { makeFolder, type Stack, startStack } from './native.ts';

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** Six quiet hours of a key, then a burst of refusals. */
function misused(until: number): string {
  const lines: string[] = [];
  const add = (at: number, status: number): void => {
    const path = `/v1/orders/${at % 7}`;
    lines.push(JSON.stringify({ at, keyId: 'smoke', status, path, clientIp: '198.51.100.7' }));
  };
  const burstAt = until - 300 * SECOND_MS;
  for (let at = until - 6 * HOUR_MS; at < burstAt; at += 20 * SECOND_MS) add(at, 200);
  for (let at = burstAt; at <= until; at += SECOND_MS / 2) add(at, 403);
  return lines.join('\n');
}

async function push(stack: Stack, body: string): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${stack.ports.INTAKE}/intake/keyhound`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.secret('intake-token')}` },
    body,
  });
  return answer.json();
}

async function incidents(stack: Stack): Promise<{ readonly subject: { readonly id: string } }[]> {
  const token = readFileSync(path.join(stack.folder, 'state/console/api-token'), 'utf8').trim();
  const answer = await fetch(`${stack.urlOf('console')}/api/v1/incidents`, {
    headers: { authorization: `Bearer ${token}` },
  });
  // Until the shards of a new index are there, nobody can read it.
  if (answer.status !== 200) return [];
  return ((await answer.json()) as { incidents: [] }).incidents;
}

/** Whether it answers, and can do its work. */
async function isReady(stack: Stack, name: string): Promise<boolean> {
  const answer = await fetch(`${stack.urlOf(name)}/readyz`).catch(() => undefined);
  return answer?.status === 200;
}

test('what is pushed is judged, and told by the API; a role that dies comes back', async (t) => {
  const stack = await startStack(t, makeFolder(t), '--no-demo');
  // While the group shares its partitions out anew, each of its members says that it waits.
  for (const { name } of stack.processes) await until(() => isReady(stack, name));

  const events = misused(Date.now());
  const count = events.split('\n').length;
  assert.deepEqual(await push(stack, events), { accepted: count, rejected: {} });
  const told = await until(
    () => incidents(stack),
    (found) => found.length > 0,
  );
  assert.deepEqual(
    told.map(({ subject }) => subject.id),
    ['keyhound:smoke'],
  );

  process.kill(stack.pids['detect-1']!, 'SIGKILL');
  await until(async () => !(await isReady(stack, 'detect-1')));
  await until(() => isReady(stack, 'detect-1'));

  stack.child.kill('SIGTERM');
  assert.deepEqual(await once(stack.child, 'exit'), [0, null]);
  assert.deepEqual(stack.left(), []);
});
