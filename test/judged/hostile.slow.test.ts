/** Promise 9 from the outside: what an attacker writes into a request steers no terminal. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { attackOn, HOSTILE } from './hostile-records.ts';
import { finish, scratch, start } from './keyhound.ts';
import { lookups } from './lookups.ts';
import { savedKeys } from './state-rows.ts';

const FROM_AT = Date.parse('2026-02-10T00:00:00Z');
/** Controls but the line break, formats, separators: nothing of it is text. */
const STEERS = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** One attacked key for each hostile text, which stands in all that a client, a consumer or an operator names. */
function write(folder: string): void {
  const records = HOSTILE.flatMap((text, i) =>
    attackOn(
      {
        keyId: i === 0 ? text : `k${i}`,
        consumer: text,
        path: `/${text}/x?y=${text}`,
        route: text,
        userAgent: text,
        origin: text,
        requestId: text,
      },
      FROM_AT,
    ),
  );
  const broken = HOSTILE.map((text) => `{"at":"${text}`);
  const lines = [...records, ...broken].map((record) => `${record}\n`).join('');
  writeFileSync(path.join(folder, 'access.log'), lines);
  const config = {
    state: { dir: 'state', checkpointMs: 100 },
    listen: { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
    log: { level: 'debug' },
    sources: [{ name: 'file', kind: 'file', format: 'keyhound', path: 'access.log' }],
    keys: HOSTILE.map((text, i) => ({ id: `keyhound:k${i}`, label: `${i}${text}`, owner: text })),
  };
  writeFileSync(path.join(folder, 'keyhound.yaml'), JSON.stringify(config));
}

function assertTame(text: string): void {
  const found = STEERS.exec(text);
  if (found === null) return;
  const around = text.slice(Math.max(0, found.index - 60), found.index + 60);
  assert.fail(`steers a terminal: ${JSON.stringify(around)}`);
}

describe('promise 9: output is hostile territory', () => {
  for (const json of [[], ['--json']]) {
    const how = json.length === 0 ? 'text' : 'JSON';
    it(`no path, consumer, label or agent steers a terminal: replay as ${how}`, async (t) => {
      const folder = scratch(t);
      write(folder);
      const replayed = await finish(['replay', '--state', 'state', ...json], { cwd: folder });
      assert.equal(replayed.status, 0, replayed.stderr);
      assertTame(replayed.stdout);
      assertTame(replayed.stderr);
      const told = await lookups(folder);
      assertTame(told);
      // It is not that nothing of them came through.
      assert.match(replayed.stdout + told, /img src=x/);
    });

    it(`no path, consumer, label or agent steers a terminal: run as ${how}`, async (t) => {
      const folder = scratch(t);
      write(folder);
      const child = start(['run', ...json], { cwd: folder });
      t.after(() => child.kill('SIGKILL'));
      await child.told(/listeners/);
      const last = `keyhound:k${HOSTILE.length - 1}`;
      await savedKeys(path.join(folder, 'state'), [last]);
      const told = await lookups(folder);
      assertTame(told);
      child.kill('SIGTERM');
      assert.equal((await child.ended).status, 143, child.stderr);
      assertTame(child.stdout);
      assertTame(child.stderr);
      assert.match(child.stdout + told, /\[31mred|img src=x/);
    });
  }
});
