/** `run` from the outside: how it starts, what it says of itself, how it ends. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Child, finish, scratch, start } from './keyhound.ts';

const LISTENERS = /"listeners":(\{[^}]*\})/;

function record(id: string, second: number): string {
  const at = new Date(Date.UTC(2026, 2, 1, 10, 0, second)).toISOString();
  return `${JSON.stringify({ at, keyId: id, status: 200, clientIp: '198.51.100.7' })}\n`;
}

function configure(folder: string, more: object = {}): void {
  const config = {
    state: { dir: 'state' },
    listen: { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
    sources: [{ name: 'file', kind: 'file', format: 'keyhound', path: 'access.log' }],
    ...more,
  };
  writeFileSync(path.join(folder, 'keyhound.yaml'), JSON.stringify(config));
}

/** Started, and listening; killed after the test whatever comes. */
async function serving(t: TestContext, folder: string): Promise<{ child: Child; console: string }> {
  const child = start(['run', '--json'], { cwd: folder });
  t.after(() => child.kill('SIGKILL'));
  const listeners = JSON.parse((await child.told(LISTENERS))[1]!) as { console: string };
  return { child, console: listeners.console };
}

async function status(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

describe('run', () => {
  it('refuses a second instance on the same state and says who has it', async (t) => {
    const folder = scratch(t);
    configure(folder);
    const { child } = await serving(t, folder);
    const second = await finish(['run'], { cwd: folder });
    assert.equal(second.status, 1);
    assert.match(second.stderr, new RegExp(`${child.pid}`));
    child.kill('SIGTERM');
    assert.equal((await child.ended).status, 143);
  });

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    it(`goes on from what replay saved, and saves on ${signal} before it ends with ${code}`, async (t) => {
      const folder = scratch(t);
      configure(folder);
      const log = path.join(folder, 'access.log');
      writeFileSync(log, record('first', 1) + record('second', 2));
      const replayed = await finish(['replay', log, '--state', 'state'], { cwd: folder });
      assert.equal(replayed.status, 0, replayed.stderr);
      writeFileSync(log, record('third', 3), { flag: 'a' });
      const { child, console } = await serving(t, folder);
      // Applied, but the next checkpoint is seconds away: the signal has to save it.
      const metrics = await metricsOnce(console, /^keyhound_subjects_count 3$/m);
      assert.match(
        metrics,
        /^keyhound_intake_records_total\{[^}]*\} 1$/m,
        'only the new record is read',
      );
      assert.equal(await status(`${console}/healthz`), 200);
      assert.equal(await status(`${console}/readyz`), 200);
      child.kill(signal);
      assert.equal((await child.ended).status, code, child.stderr);
      const { stdout } = await finish(['keys', '--json'], { cwd: folder });
      const ids = stdout.match(/keyhound:(first|second|third)/g) ?? [];
      assert.equal(new Set(ids).size, 3, stdout);
    });
  }
});

/** Asks until the metrics show it: they are how an operator sees it, too. */
async function metricsOnce(console: string, pattern: RegExp): Promise<string> {
  for (;;) {
    const text = await (await fetch(`${console}/metrics`)).text();
    if (pattern.test(text)) return text;
  }
}
