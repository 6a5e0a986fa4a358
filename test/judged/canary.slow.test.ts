/** Issue 3, "How it is judged": no byte sequence of a raw key anywhere; and promise 9: hostile text steers no terminal. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { LETTERS_PER_INTERVAL } from '../../ingest/dead-letters.ts';
import { DATABASE_FILE } from '../../store/sqlite/connection.ts';
import { CANARIES, ENCODINGS } from '../ingest/formats/planted.ts';
import { type Sent, sentRecords } from './canary-records.ts';
import { attackOn } from './hostile-records.ts';
import { finish, scratch, start } from './keyhound.ts';
import { type Line, replayLines, unaccounted } from './lines.ts';
import { lookups } from './lookups.ts';

const HISTORY_AT = Date.parse('2026-02-10T00:00:00Z');
const token = (index: number): string => `token-of-source-${index}-of-the-canary`;

/** All records, and a key that is attacked, so that there are findings and incidents to look into. */
function everything(): Sent[] {
  const attack = CANARIES.map((raw) => ({
    setting: { format: 'keyhound' },
    valid: attackOn({ key: raw, path: `/v1/${raw}/x`, consumer: `team ${raw}` }, HISTORY_AT),
    broken: [],
  }));
  return [...attack, ...sentRecords()];
}

function configure(folder: string, sent: readonly Sent[], kind: 'file' | 'http'): void {
  const sources = sent.map(({ setting }, index) => ({
    ...setting,
    name: `source-${index}`,
    kind,
    ...(kind === 'file' ? { path: `source-${index}.log` } : { token: token(index) }),
  }));
  const config = {
    // Rarely saved, so that what the spool holds can be looked at.
    state: { dir: 'state', checkpointMs: kind === 'http' ? 60_000 : 100 },
    listen: { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
    log: { level: 'debug' },
    sources,
  };
  writeFileSync(path.join(folder, 'keyhound.yaml'), JSON.stringify(config));
  if (kind === 'http') return;
  for (const [index, { valid, broken }] of sent.entries()) {
    const text = [...valid, ...broken].map((record) => `${record}\n`).join('');
    writeFileSync(path.join(folder, `source-${index}.log`), text);
  }
}

/** As sent, escaped, in hexadecimal, and what base64 makes of it at each alignment; in lower case. */
function formsOf(raw: string): string[] {
  const aligned = [0, 1, 2].map((before) => {
    const text = Buffer.from(`${'\0'.repeat(before)}${raw}`).toString('base64');
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + raw.length) * 8) / 6));
  });
  const plain = ENCODINGS.filter(
    (encode) => !encode('a').startsWith('Y') && encode('a') !== 'dTph',
  );
  const urlSafe = aligned.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const texts = [...plain.map((encode) => encode(raw)), ...aligned, ...urlSafe];
  return [...new Set(texts.map((text) => text.toLowerCase()))];
}

const FORMS = CANARIES.flatMap(formsOf);

function assertNone(content: string, what: string): void {
  const small = content.toLowerCase();
  for (const form of FORMS) {
    const at = small.indexOf(form);
    if (at < 0) continue;
    assert.fail(`${form} in ${what}: …${content.slice(Math.max(0, at - 100), at + 100)}…`);
  }
}

/** Every file of the folder, as bytes; answers their names. */
function assertNoneIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .map((file) => {
      const name = path.join(file.parentPath, file.name);
      assertNone(readFileSync(name, 'latin1'), name);
      return path.relative(folder, name);
    });
}

function deadLetters(state: string): number {
  const db = new DatabaseSync(path.join(state, DATABASE_FILE), { readOnly: true });
  try {
    return Number(db.prepare('SELECT count(*) AS n FROM dead_letters').get()!['n']);
  } finally {
    db.close();
  }
}

/** The records came through whole: some were read, some rejected, and each of those left a dead letter. */
function assertSeen(summary: Readonly<Record<string, unknown>>, state: string): void {
  const rejected = summary['rejected'] as Record<string, number>;
  const { 'no-key': noKey = 0, ignored = 0 } = rejected;
  const all = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  assert.ok(Number(summary['events']) > 2000, JSON.stringify(summary));
  assert.ok(all - noKey - ignored > 50, JSON.stringify(rejected));
  // Of one checkpoint so many are kept; how many checkpoints there are is the machine's doing.
  const least = Math.min(all - noKey - ignored, LETTERS_PER_INTERVAL);
  const kept = deadLetters(state);
  assert.ok(
    kept >= least && kept <= all - noKey - ignored,
    `${kept} of ${JSON.stringify(rejected)}`,
  );
  assert.notDeepEqual(summary['incidents'], {});
}

interface Running {
  readonly console: string;
  readonly intake: string;
}

async function pushAll(sent: readonly Sent[], { intake }: Running): Promise<string> {
  let told = '';
  const push = async (index: number, format: string, body: string) => {
    const headers = { authorization: `Bearer ${token(index)}` };
    const response = await fetch(`${intake}/intake/${format}`, { method: 'POST', headers, body });
    told += `${[...response.headers].join('\n')}\n${await response.text()}\n`;
    return response.status;
  };
  for (const [index, { setting, valid, broken }] of sent.entries()) {
    assert.equal(await push(index, setting.format, `${valid.join('\n')}\n`), 200);
    for (const record of broken) await push(index, setting.format, record);
  }
  // A key in place of the token, and of the format.
  const [raw] = CANARIES;
  for (const url of [`${intake}/intake/kong`, `${intake}/intake/${raw}?apikey=${raw}`]) {
    const headers = { authorization: `Bearer ${raw}`, apikey: raw! };
    const response = await fetch(url, { method: 'POST', headers, body: raw! });
    assert.ok(response.status >= 400);
    told += `${[...response.headers].join('\n')}\n${await response.text()}\n`;
  }
  return told;
}

async function ask(console: string, state: string, url: string): Promise<string> {
  const secret = readFileSync(path.join(state, 'api-token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${secret}` };
  const response = await fetch(`${console}${url}`, { headers });
  const text = await response.text();
  assert.equal(response.status, 200, `${url}: ${text}`);
  return text;
}

/** Everything that the running instance answers. */
async function answers({ console }: Running, state: string): Promise<string> {
  const get = (url: string) => ask(console, state, url);
  let told = '';
  for (const url of ['/metrics', '/healthz', '/readyz', '/openapi.json', '/api/v1/summary']) {
    told += await get(url);
  }
  const incidents = await get('/api/v1/incidents');
  const keys = await get('/api/v1/keys');
  for (const { id } of (JSON.parse(incidents) as { incidents: { id: string }[] }).incidents) {
    told += await get(`/api/v1/incidents/${id}`);
    told += await get(`/api/v1/explain/${id}`);
  }
  for (const { id } of (JSON.parse(keys) as { keys: { id: string }[] }).keys) {
    told += await get(`/api/v1/keys/${encodeURIComponent(id)}`);
  }
  return told + incidents + keys;
}

async function running(t: TestContext, folder: string, words: readonly string[]) {
  const child = start(['run', ...words], { cwd: folder });
  t.after(() => child.kill('SIGKILL'));
  const listeners = JSON.parse((await child.told(/"listeners":(\{[^}]*\})/))[1]!) as Running;
  return { child, listeners };
}

/** Resolves when all that was pushed has been applied. */
async function drained({ console }: Running, state: string): Promise<Line> {
  for (;;) {
    const summary = JSON.parse(await ask(console, state, '/api/v1/summary')) as Line;
    if (unaccounted(summary) <= 0) return summary;
  }
}

describe('promise 1: no raw key rests anywhere', () => {
  for (const json of [[], ['--json']]) {
    const how = json.length === 0 ? 'text' : 'JSON';
    it(`after replay --state of every format, valid and broken, told as ${how}`, async (t) => {
      const folder = scratch(t);
      const state = path.join(folder, 'state');
      configure(folder, everything(), 'file');
      const { status, stdout, stderr } = await finish(['replay', '--state', 'state', ...json], {
        cwd: folder,
      });
      assert.equal(status, 0, stderr);
      if (json.length > 0) assertSeen(replayLines(stdout).summary, state);
      assertNone(stdout, 'stdout');
      assertNone(stderr, 'stderr');
      assertNone(await lookups(folder), 'what commands say');
      assertNoneIn(state);
    });

    it(`while and after run takes pushes of every format, told as ${how}`, async (t) => {
      const folder = scratch(t);
      const state = path.join(folder, 'state');
      const sent = everything();
      configure(folder, sent, 'http');
      const { child, listeners } = await running(t, folder, json);
      assertNone(await pushAll(sent, listeners), 'answers of the intake');
      await drained(listeners, state);
      const files = assertNoneIn(state);
      assert.ok(
        files.some((file) => file.startsWith('spool')),
        files.join(),
      );
      assert.ok(files.includes(`${DATABASE_FILE}-wal`), files.join());
      assertNone(await answers(listeners, state), 'answers of the API');
      child.kill('SIGTERM');
      assert.equal((await child.ended).status, 143, child.stderr);
      assertNone(child.stdout, 'stdout');
      assertNone(child.stderr, 'stderr');
      assertNoneIn(state);
      assert.ok(deadLetters(state) > 50);
      assertNone(await lookups(folder), 'what commands say');
    });
  }
});
