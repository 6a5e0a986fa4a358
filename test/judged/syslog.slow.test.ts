/** Syslog cannot be sent again: what `run` has counted is there after `kill -9`, once. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { it } from 'node:test';
import { scratch } from './keyhound.ts';
import { configure, type Service, serve } from './service.ts';

const FROM_AT = Date.parse('2026-03-01T10:00:00Z');
const RECORDS = 2000;

function message(number: number): string {
  const record = { at: FROM_AT + number, keyId: `app-${number % 7}`, status: 200 };
  return `<134>1 - edge gateway 1 - - ${JSON.stringify(record)}`;
}

async function send(url: string, from: number, to: number): Promise<void> {
  const { protocol, port } = new URL(url);
  const messages = Array.from({ length: to - from }, (_, k) => message(from + k));
  if (protocol === 'tcp:') {
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(messages.map((text) => `${text}\n`).join(''));
    await once(socket, 'close');
    return;
  }
  const socket = createSocket('udp4');
  const sent = messages.map((text) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.send(text, Number(port), '127.0.0.1', () => resolve());
    return promise;
  });
  await Promise.all(sent);
  socket.close();
}

/** Events that the keys have, all together. */
async function events(service: Service): Promise<number> {
  const { keys } = JSON.parse(await service.get('/api/v1/keys')) as {
    keys: readonly { readonly events: number }[];
  };
  return keys.reduce((sum, key) => sum + key.events, 0);
}

for (const transport of ['tcp', 'udp'] as const) {
  it(`${transport}: what has been counted survives kill -9, and comes once`, async (t) => {
    const folder = scratch(t);
    const listen = `${transport}://127.0.0.1:0`;
    configure(folder, {
      // No checkpoint soon: all has to come from the spool.
      state: { dir: 'state', checkpointMs: 60_000 },
      sources: [{ name: 'edge', kind: 'syslog', format: 'keyhound', listen }],
    });
    const first = await serve(t, folder);
    // UDP in portions that no socket is too small for.
    const step = transport === 'tcp' ? RECORDS : 100;
    for (let from = 0; from < RECORDS; from += step) {
      await send(first.listeners['source edge']!, from, from + step);
      await first.applied(from + step);
    }
    assert.equal(await events(first), RECORDS);
    first.child.kill('SIGKILL');
    await first.child.ended;

    const second = await serve(t, folder);
    while ((await events(second)) < RECORDS) assert.equal(second.child.status, undefined);
    await send(second.listeners['source edge']!, RECORDS, RECORDS + 1);
    await second.applied(1);
    assert.equal(await events(second), RECORDS + 1);
    const metrics = await second.get('/metrics');
    assert.match(metrics, /^keyhound_lost_records_total\{source="edge",reason="full"\} 0$/m);
    await second.stop();
  });
}
