/** Issue 3, "Sources" and "Logs and metrics", from the outside: rotation, a full spool, silence. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  openSync,
  renameSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { scratch } from './keyhound.ts';
import { configure, type Service, serve, tokenOf } from './service.ts';

const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const MINUTE_MS = 60_000;
/** A lost record would be waited for without end. */
const BOUND = { timeout: 120_000 };
const HOUR_MS = 60 * MINUTE_MS;

function record(at: number, keyId: string, more: object = {}): string {
  const facts = { at, keyId, status: 200, path: '/v1/orders', clientIp: '198.51.100.7', ...more };
  return `${JSON.stringify(facts)}\n`;
}

/** How a log is rotated, while its writer holds it open; answers the file that it writes to afterwards. */
type Rotate = (log: string, file: number, rotated: string, write: () => void) => number;

const ROTATIONS: Readonly<Record<string, Rotate>> = {
  'rename and create': (log, file, rotated, write) => {
    renameSync(log, rotated);
    // The writer goes on in the old file until it is told.
    write();
    closeSync(file);
    return openSync(log, 'a');
  },
  copytruncate: (log, file, rotated) => {
    copyFileSync(log, rotated);
    truncateSync(log, 0);
    return file;
  },
};
const ROUNDS = 12;
const LINES = 40;

describe('a followed log that is rotated while records flow', () => {
  for (const [name, rotate] of Object.entries(ROTATIONS)) {
    it(`${name}: loses nothing and repeats nothing`, BOUND, async (t) => {
      const folder = scratch(t);
      const source = { name: 'log', kind: 'file', format: 'keyhound', path: 'access.log*' };
      configure(folder, { state: { dir: 'state', checkpointMs: 100 }, sources: [source] });
      const service = await serve(t, folder);
      const log = path.join(folder, 'access.log');
      let file = openSync(log, 'a');
      let written = 0;
      const write = (): void => {
        const text = record(FROM_AT + written * 1000, `key-${written % 7}`, { bytesOut: written });
        written++;
        // In two parts, so that a line is not always whole when it is looked at.
        writeSync(file, text.slice(0, 20));
        writeSync(file, text.slice(20));
      };
      for (let round = 1; round <= ROUNDS; round++) {
        for (let i = 0; i < LINES; i++) {
          write();
          await turn();
        }
        // Some rotations come while the follower is behind, others when it has read all.
        if (round % 3 === 0) await service.applied(written);
        file = rotate(log, file, `${log}.${round}`, write);
      }
      write();
      closeSync(file);
      const summary = await service.applied(written);
      assert.deepEqual(
        [summary['records'], summary['events'], summary['duplicates'], summary['rejected']],
        [written, written, 0, {}],
      );
      await service.stop();
      const again = await serve(t, folder);
      appendFileSync(log, record(FROM_AT + written * 1000, 'key-0'));
      const after = await again.applied(1);
      assert.deepEqual([after['records'], after['events']], [1, 1], 'nothing is read again');
      await again.stop();
    });
  }
});

describe('an intake whose spool is full', () => {
  it(
    'says 429 with Retry-After, takes pushes again when it has drained, and lost none',
    BOUND,
    async (t) => {
      const folder = scratch(t);
      configure(folder, {
        // Until it is saved, what was taken stays in the spool.
        state: { dir: 'state', checkpointMs: 2000 },
        intake: { spoolBytesMax: 1 << 20 },
        sources: [{ name: 'pushes', kind: 'http', format: 'keyhound', token: tokenOf('pushes') }],
      });
      const service = await serve(t, folder);
      let taken = 0;
      let refused = 0;
      let pushes = 0;
      let afterRefusal = 0;
      while (afterRefusal < 20) {
        const lines = Array.from({ length: 500 }, (_, i) =>
          record(FROM_AT + pushes * 500 + i, `key-${i % 5}`),
        );
        const response = await service.push('pushes', lines.join(''));
        await response.arrayBuffer();
        pushes++;
        if (response.status === 429) {
          assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
          refused++;
        } else {
          assert.equal(response.status, 200);
          taken += lines.length;
          if (refused > 0) afterRefusal++;
        }
        assert.ok(metric(await service.get('/metrics'), 'spool_bytes') <= 1 << 20);
      }
      assert.ok(refused > 0);
      // Only what was acknowledged is applied, and all of it.
      let told = '';
      do told = await service.get('/metrics');
      while (metric(told, 'applied_events_total') < taken);
      assert.equal(metric(told, 'applied_events_total'), taken);
      assert.match(told, new RegExp(`^keyhound_refused_pushes_total ${refused}$`, 'm'));
      await service.stop();
    },
  );
});

function metric(text: string, name: string): number {
  return Number(new RegExp(`^keyhound_${name} (\\S+)$`, 'm').exec(text)![1]);
}

describe('promise 7: it doubts itself', () => {
  const days = 16;
  const silentAt = FROM_AT + days * 24 * HOUR_MS + 10 * HOUR_MS;

  /** A key with a use every half minute, and one whose events only let time pass. */
  async function learn(service: Service): Promise<void> {
    const uses = (keyId: string, everyMs: number) =>
      Array.from({ length: (silentAt - FROM_AT) / everyMs }, (_, i) =>
        record(FROM_AT + i * everyMs + ((i * 7919) % 24_000), keyId),
      );
    const feed = uses('feed', MINUTE_MS / 2);
    const clock = uses('clock', 5 * MINUTE_MS);
    assert.equal((await service.push('quiet', feed.join(''))).status, 200);
    assert.equal((await service.push('other', clock.join(''))).status, 200);
    await service.applied(feed.length + clock.length);
  }

  it(
    'a source that falls silent is said, and its keys are not accused of silence',
    BOUND,
    async (t) => {
      const folder = scratch(t);
      configure(folder, {
        state: { dir: 'state' },
        intake: { silentMs: 1000 },
        sources: ['quiet', 'other'].map((name) => {
          return { name, kind: 'http', format: 'keyhound', token: tokenOf(name) };
        }),
      });
      const service = await serve(t, folder);
      assert.match(await service.get('/readyz'), /"traffic":"none"/);
      await learn(service);
      // On a slow machine they are silent before the first push, too.
      await service.child.told(/source quiet is live[\s\S]*source quiet is silent/);
      await service.child.told(/source other is live[\s\S]*source other is silent/);
      assert.match(await service.get('/readyz'), /"traffic":"silent"/);
      const metrics = await service.get('/metrics');
      assert.match(metrics, /^keyhound_traffic_info\{state="silent"\} 1$/m);
      assert.match(metrics, /^keyhound_traffic_info\{state="live"\} 0$/m);

      const { records } = (await service.applied(0)) as { records: number };
      const hours = 4;
      const ticks = (source: string, fromAt: number, count: number) =>
        service.push(
          source,
          Array.from({ length: count }, (_, i) =>
            record(fromAt + i * 5 * MINUTE_MS, `clock-of-${source}`),
          ).join(''),
        );
      await ticks('other', silentAt, hours * 12);
      const meanwhile = await service.applied(records + hours * 12);
      assert.equal(
        meanwhile['lastAt'],
        new Date(silentAt + (hours * 12 - 1) * 5 * MINUTE_MS).toISOString(),
      );
      assert.equal(dropsOf(meanwhile), 0, 'the source is silent, not the key');

      // Against it: the source speaks, and only the key does not.
      for (let round = 0; round < 40; round++) {
        const fromAt = silentAt + (hours + round) * HOUR_MS;
        for (const source of ['quiet', 'other']) {
          assert.equal((await ticks(source, fromAt, 12)).status, 200);
        }
        const summary = await service.applied(records + (hours + 2 * (round + 1)) * 12);
        if (dropsOf(summary) > 0) return service.stop();
      }
      assert.fail('a silent key of a source that speaks was not found');
    },
  );
});

function dropsOf(summary: object): number {
  const { findings } = summary as { findings: Readonly<Record<string, number>> };
  return findings['volume-drop'] ?? 0;
}
