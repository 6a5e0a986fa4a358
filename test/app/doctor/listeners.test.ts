/** Ports that are open already, by Keyhound or by another program. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { LoadedConfig } from '../../../app/contract.ts';
import { checkListeners } from '../../../app/doctor/listeners.ts';
import { configSchema } from '../../../core/config.ts';

const HOOKS = { leak: [{ name: 'scanner', secret: `whsec_${'A'.repeat(44)}` }] };

/** Whether each port passes, where one program has all of them and answers so. */
async function portsOf(answer: string, more: object): Promise<Record<string, boolean>> {
  const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const listen = { console: at, decide: at, intake: at, hooks: at };
  const config = configSchema.parse({ listen, ...more });
  const passes: Record<string, boolean> = {};
  for await (const { name, ok } of checkListeners({ config } as LoadedConfig, undefined)) {
    passes[name] = ok;
  }
  server.close();
  server.closeAllConnections();
  return passes;
}

const kafka = { brokers: ['127.0.0.1:9092'] };
const UP = '{"status":"up"}';

test('in the distributed form ports of a Keyhound that runs are no fault', async () => {
  const all = { 'port console': true, 'port decide': true, 'port intake': true };
  assert.deepEqual(await portsOf(UP, { kafka }), all);
  assert.deepEqual(await portsOf(UP, { kafka, hooks: HOOKS }), { ...all, 'port hooks': true });
});

test('those of another program are, and of another Keyhound in one process', async () => {
  const none = { 'port console': false, 'port decide': false, 'port intake': false };
  assert.deepEqual(await portsOf('{}', { kafka }), none);
  assert.deepEqual(await portsOf('not JSON', { kafka }), none);
  assert.deepEqual(await portsOf(UP, {}), none);
});
