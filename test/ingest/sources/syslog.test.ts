/** Syslog over real sockets: what arrives is in the spool, what cannot is counted. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createDeadLetters } from '../../../ingest/dead-letters.ts';
import { Intake } from '../../../ingest/intake.ts';
import { createCounters, rejectedByReason } from '../../../ingest/reader.ts';
import {
  type SyslogListener,
  type SyslogOptions,
  startSyslog,
} from '../../../ingest/sources/syslog.ts';
import { openSpool, type SpoolOptions } from '../../../ingest/spool.ts';
import { SpoolReader } from '../../../ingest/spool-reader.ts';
import { never, toyEnricher, toyTraits } from '../toy.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'keyhound-syslog-'));
after(() => fs.rmSync(root, { recursive: true }));
let folders = 0;

const LIMIT = { timeout: 60_000 };

async function site(
  t: TestContext,
  transport: 'udp' | 'tcp',
  settings: Partial<SyslogOptions> = {},
  spoolSettings: Partial<SpoolOptions> = {},
) {
  const folder = join(root, `${folders++}`);
  const spool = await openSpool({ folder, bytesMax: 1 << 24, commitMs: 1, ...spoolSettings });
  let listener: SyslogListener | undefined;
  t.after(async () => {
    await listener?.close();
    await spool.close();
  });
  const counters = createCounters();
  const source = { token: undefined, traits: toyTraits('edge'), formatOptions: {}, counters };
  const intake = new Intake(source, {
    spool,
    enricher: toyEnricher,
    deadLetters: createDeadLetters(10),
    clock: { now: () => 1_000_000 },
    futureMs: 300_000,
    recordBytesMax: 1000,
  });
  const errors: unknown[] = [];
  listener = await startSyslog({
    listen: { transport, host: '127.0.0.1', port: 0 },
    intake,
    recordBytesMax: 1000,
    retryMs: 1,
    onError: (error) => errors.push(error),
    ...settings,
  });
  const reader = new SpoolReader({ spool, openStream: () => 0, onApplied: () => {} });
  /** Times of the next `count` events in the spool, released as they are read. */
  const times = async (count: number): Promise<number[]> => {
    const seen: number[] = [];
    while (seen.length < count && (await reader.fill(never))) {
      while (reader.next()) seen.push(reader.event.at);
      await spool.release(reader.appliedTo);
    }
    return seen;
  };
  return { listener, spool, counters, errors, times };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

async function datagrams(t: TestContext, port: number) {
  const socket = createSocket('udp4');
  t.after(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const sends: Promise<void>[] = [];
  return {
    /** Handed to the kernel when this returns. */
    send(text: string): void {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.send(text, port, '127.0.0.1', () => resolve());
      sends.push(promise);
    },
    sent: () => Promise.all(sends),
  };
}

async function connection(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

describe('UDP', LIMIT, () => {
  test('a datagram is a record, whatever header it has and whatever its record holds', async (t) => {
    const { listener, counters, times } = await site(t, 'udp');
    const { send } = await datagrams(t, listener.port);
    send('<134>1 - edge haproxy 1 - - 1 a');
    send('<190>Nov 22 04:18:21 vm nginx: 2 a\n');
    send('3 a\n4 forged');
    send('<134>1 - - - - - -');
    send('5 a');
    assert.deepEqual(await times(3), [1, 2, 5]);
    await until(() => counters.records === 4);
    assert.deepEqual(rejectedByReason(counters), { malformed: 1 });
    assert.equal(listener.losses().full, 0);
  });

  test('what finds no room is counted, and nothing else is', async (t) => {
    const { listener, spool, counters, errors } = await site(t, 'udp', {}, { bytesMax: 4096 });
    const { send } = await datagrams(t, listener.port);
    const lost = () => listener.losses().full + (listener.losses().kernel ?? 0);
    for (let k = 1; k <= 500; k++) {
      send(`${k} a`);
      // One at a time is a push of its own, so the spool fills up step by step.
      await until(() => counters.records + lost() >= k);
    }
    assert.equal(counters.records + lost(), 500);
    assert.ok(counters.records > 0 && lost() > 0, `${counters.records} ${lost()}`);
    assert.ok(spool.bytes <= 4096);
    assert.deepEqual(errors, [], 'a full spool is no failure');
  });

  test('what the kernel threw away at the socket is counted by its own counter', async (t) => {
    const { listener, counters } = await site(t, 'udp', { socketBytes: 2048 });
    if (listener.losses().kernel === undefined) return t.skip('only Linux says so');
    const { send, sent } = await datagrams(t, listener.port);
    // Nobody reads until this turn of the event loop is over.
    for (let k = 1; k <= 1000; k++) send(`${k} a`);
    await sent();
    await until(() => counters.records + (listener.losses().kernel ?? 0) >= 1000);
    assert.equal(counters.records + (listener.losses().kernel ?? 0), 1000);
    assert.ok((listener.losses().kernel ?? 0) > 0);
  });

  test('what is missing in the numbering of a sender is counted', async (t) => {
    const { listener, times } = await site(t, 'udp');
    const { send } = await datagrams(t, listener.port);
    for (const [app, sequence] of [
      ['a', 1],
      ['a', 2],
      ['b', 1],
      ['a', 5],
      ['b', 2],
    ] as const) {
      send(`<134>1 - edge ${app} 1 - [meta sequenceId="${sequence}"] ${sequence} a`);
    }
    assert.equal((await times(5)).length, 5);
    assert.equal(listener.losses().missing, 2);
  });
});

describe('TCP', LIMIT, () => {
  test('lines and counted messages, in whatever pieces, from several connections', async (t) => {
    const { listener, times } = await site(t, 'tcp');
    const lines = await connection(t, listener.port);
    lines.write('<190>Nov 22 04:18:21 nginx: 1 a\n<134>2 ');
    assert.deepEqual(await times(1), [1]);
    const counted = await connection(t, listener.port);
    counted.write('8 <134>3 a8 <134>4 a');
    assert.deepEqual(await times(2), [3, 4]);
    lines.write('a\n');
    assert.deepEqual(await times(1), [2]);
  });

  test('a message that its connection cut off is no record, but is counted', async (t) => {
    const { listener, counters, times } = await site(t, 'tcp');
    const socket = await connection(t, listener.port);
    socket.end('1 a\n2 abc');
    assert.deepEqual(await times(1), [1]);
    await until(() => listener.losses().torn === 1);
    assert.equal(counters.records, 1);
  });

  test('a message longer than any record may be is counted, and the next is read', async (t) => {
    const { listener, counters, times } = await site(t, 'tcp');
    const socket = await connection(t, listener.port);
    socket.write(`1 a\n${'x'.repeat(5000)}\n2 a\n`);
    assert.deepEqual(await times(2), [1, 2]);
    assert.deepEqual(rejectedByReason(counters), { 'too-long': 1 });
  });

  test('while the spool is full the sender waits, and nothing is lost or doubled', async (t) => {
    const limits = { recordsMax: 20 };
    const { listener, spool, counters, times } = await site(
      t,
      'tcp',
      { limits },
      { bytesMax: 8192 },
    );
    let refused = 0;
    const append = spool.append.bind(spool);
    spool.append = (...payloads) =>
      append(...payloads).catch((error: unknown) => {
        refused++;
        throw error;
      });
    const socket = await connection(t, listener.port);
    const count = 5000;
    const numbers = Array.from({ length: count }, (_, k) => k + 1);
    socket.write(numbers.map((k) => `${k} a\n`).join(''));
    // Nobody reads: it fills up, is tried in vain, and what has been sent has to wait.
    await until(() => refused > 2);
    assert.ok(counters.records < count / 2, `${counters.records} taken`);
    assert.deepEqual(await times(count), numbers);
    assert.equal(counters.records, count);
    assert.deepEqual(listener.losses(), { full: 0, kernel: undefined, missing: 0, torn: 0 });
  });

  test('of what cannot be written yet no more is read than there is room for', async (t) => {
    const gate = Promise.withResolvers<void>();
    const disk = {
      write: async () => gate.promise,
      sync: async () => {},
    };
    const { listener } = await site(t, 'tcp', { limits: { bytesMax: 65_536 } }, { disk });
    const socket = await connection(t, listener.port);
    let isSent = false;
    // Far more than the kernel holds for both ends.
    socket.write(`1 ${'a'.repeat(900)}\n`.repeat(1 << 16), () => {
      isSent = true;
    });
    for (let turn = 0; turn < 5000; turn++) await setImmediate();
    assert.equal(isSent, false);
    gate.resolve();
  });

  test('connections beyond the limit are refused and counted', async (t) => {
    const { listener, times } = await site(t, 'tcp', { connectionsMax: 1 });
    const first = await connection(t, listener.port);
    const second = await connection(t, listener.port);
    await once(second, 'close');
    assert.equal(listener.refused, 1);
    first.write('1 a\n');
    assert.deepEqual(await times(1), [1]);
  });
});

for (const transport of ['udp', 'tcp'] as const) {
  test(`${transport}: closing keeps what was received`, LIMIT, async (t) => {
    const [written, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const disk = {
      async write(handle: fs.promises.FileHandle, bytes: Buffer, offset: number) {
        written.resolve();
        await gate.promise;
        await handle.write(bytes, 0, bytes.length, offset);
      },
      sync: async () => {},
    };
    const { listener, times, counters } = await site(t, transport, {}, { disk });
    if (transport === 'udp') (await datagrams(t, listener.port)).send('1 a');
    else (await connection(t, listener.port)).write('1 a\n');
    await written.promise;
    assert.equal(counters.records, 0, 'nothing is counted before it is safe');
    const closing = listener.close();
    gate.resolve();
    await closing;
    assert.deepEqual(await times(1), [1]);
  });

  test(`${transport}: an address that is taken is an operating error`, async (t) => {
    const { listener } = await site(t, transport);
    const listen = { transport, host: '127.0.0.1', port: listener.port };
    await assert.rejects(site(t, transport, { listen }), {
      kind: 'operating',
      code: 'listen-failed',
    });
  });
}
