import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { loadConfig } from '../../app/config.ts';
import type { ReplayOptions, ReplaySummary } from '../../app/contract.ts';
import { replay } from '../../app/replay.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { PEPPER } from './made-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-inputs-'));
after(() => rmSync(folder, { recursive: true }));
process.env['KEYHOUND_PEPPER'] = PEPPER;

async function replayed(...paths: string[]): Promise<ReplaySummary> {
  return replayedAs({}, ...paths);
}

async function replayedAs(
  said: Partial<ReplayOptions>,
  ...paths: string[]
): Promise<ReplaySummary> {
  const config = loadConfig({ file: undefined, env: {}, cwd: folder });
  const nothing = (): void => {};
  const tells = { onFinding: nothing, onIncident: nothing, onProgress: nothing, onNote: nothing };
  const signal = new AbortController().signal;
  return replay({ paths, config, signal, ...tells, ...said });
}

/** Code and hint of the error with which a replay of these paths ends. */
async function failure(...paths: string[]): Promise<string> {
  const error = await replayed(...paths).then(
    () => assert.fail('it was read'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof KeyhoundError, String(error));
  assert.equal(error.kind, 'usage');
  return `${error.code}: ${error.hint}`;
}

test('what cannot be replayed is told by what it is: empty, no log, no format, stdin beside files', async () => {
  writeFileSync(join(folder, 'empty.log'), '');
  writeFileSync(join(folder, 'prose.log'), 'It was a dark and stormy night.\n');
  mkdirSync(join(folder, 'nothing'));
  const at = (name: string): string => join(folder, name);
  assert.match(await failure(at('empty.log')), /^no-log: What is there is empty/);
  assert.match(await failure(at('nothing')), /^no-log: Name a folder that holds logs/);
  assert.match(
    await failure(at('prose.log')),
    /^unknown-format: Name the format with --format: kong, nginx,/,
  );
  execFileSync('mkfifo', [at('pipe')]);
  // Without a writer a pipe does not open.
  const writer = await open(at('pipe'), 'r+');
  assert.match(
    await failure(at('pipe')),
    /^unknown-format: Name it with --format, or send it to st/,
  );
  await writer.close();
  assert.match(await failure(at('absent.log')), /^no-such-file: /);
  assert.match(await failure('-', at('prose.log')), /^stdin-alone: /);
});

test('a damaged file in a folder is read as far as it goes, the others whole, and both are told', async () => {
  const base = join(folder, 'archive');
  mkdirSync(base);
  const rows = (from: number) =>
    Array.from({ length: 40 }, (_, i) =>
      JSON.stringify({
        at: 1_700_000_000_000 + (from + i) * 1000,
        keyId: `k${i % 3}`,
        status: 200,
      }),
    );
  const text = (from: number): string => `${rows(from).join('\n')}\n`;
  writeFileSync(join(base, 'a.gz'), gzipSync(text(0)));
  const torn = Buffer.concat([gzipSync(text(20)), Buffer.alloc(9), gzipSync(text(60))]);
  writeFileSync(join(base, 'b.gz'), torn);
  writeFileSync(join(base, 'c.gz'), gzipSync(text(40)).subarray(0, -30));
  writeFileSync(join(base, 'd.gz'), Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff]));
  writeFileSync(join(base, 'e.log'), text(100));
  const summary = await replayed(base);
  const damaged = summary.damaged ?? [];
  const told = damaged.map(({ message, code }) => `${message.slice(base.length + 1)} ${code}`);
  assert.deepEqual(told.toSorted(), [
    'b.gz: the gzip data is damaged source-damaged',
    'c.gz: the gzip data ends too early source-cut-short',
    'd.gz: the gzip data is damaged source-damaged',
  ]);
  assert.equal(damaged.find(({ message }) => message.includes('b.gz'))?.textBytes, text(20).length);
  assert.ok(summary.events > 40 * 3 && summary.events < 40 * 4, `${summary.events} events`);
  assert.deepEqual(summary.rejected, { malformed: 2 });
  await assert.rejects(replayed(join(base, 'd.gz')), { code: 'source-damaged', kind: 'operating' });
});

const LINE =
  '198.51.100.7 - - [22/Nov/2026:04:18:21 +0000] "GET /a?api_key=k HTTP/1.1" 200 21 "-" "curl/8"';

test('of a folder with several kinds of logs it is told which files are which, and what came of each', async () => {
  const base = join(folder, 'kinds');
  mkdirSync(base);
  const write = (name: string, line: string): void =>
    writeFileSync(join(base, name), `${line}\n`.repeat(20));
  for (const name of ['a.log', 'b.log', 'c.log', 'd.log']) write(name, LINE);
  write('k8s.log', `2026-11-22T04:18:21.1Z stdout F ${LINE}`);
  write('prose.log', 'It was a dark and stormy night.');
  write(
    'kong.ndjson',
    '{"started_at":1795320000000,"client_ip":"198.51.100.7","request":{"method":"GET"},"response":{"status":200}}',
  );
  const notes: string[] = [];
  const said = { key: 'query:api_key', onNote: (text: string) => void notes.push(text) };
  const { sources } = await replayedAs(said, base);
  assert.deepEqual(
    sources.map(({ format, envelope, files, names, records, events }) => ({
      ...{ format, envelope, files, names, records, events },
    })),
    [
      {
        ...{ format: 'combined', envelope: undefined, files: 4 },
        ...{ names: ['a.log', 'b.log', 'c.log'], records: 80, events: 80 },
      },
      {
        ...{ format: 'combined', envelope: 'cri', files: 1 },
        ...{ names: ['k8s.log'], records: 20, events: 20 },
      },
      {
        ...{ format: 'kong', envelope: undefined, files: 1 },
        ...{ names: ['kong.ndjson'], records: 20, events: 0 },
      },
    ],
  );
  assert.deepEqual(sources[2]!.rejected, { 'no-key': 20 });
  assert.match(notes.find((text) => text.includes('prose.log'))!, /skipped, no format fits/);
});

test('records in an envelope are read with --format, and a configured source is what it says', async () => {
  const file = join(folder, 'wrapped.log');
  writeFileSync(file, `<190>Nov 22 04:18:21 edge-1 nginx: ${LINE}\n`.repeat(20));
  const key = 'query:api_key';
  const recognised = await replayedAs({ format: 'combined', key }, file);
  assert.equal(recognised.events, 20);
  assert.equal(recognised.sources[0]!.envelope, 'syslog');
  assert.equal((await replayedAs({ envelope: 'syslog', key }, file)).events, 20);
  await assert.rejects(replayedAs({ envelope: 'cri', key }, file), { code: 'unknown-format' });
  const users = Array.from({ length: 20 }, (_, i) => {
    const log = `${LINE.replace('=k', `=user-${i}`)}\n`;
    return JSON.stringify({ log, stream: 'stdout', time: '2026-11-22T04:18:21Z' });
  });
  writeFileSync(join(folder, 'docker.log'), `${users.join('\n')}\n`);
  assert.equal((await replayedAs({ key }, join(folder, 'docker.log'))).subjects, 20);
  const configured = async (more: string): Promise<number> => {
    const text = `sources: [{name: a, kind: file, format: combined, path: wrapped.log, key: "${key}"${more}}]`;
    writeFileSync(join(folder, 'wrapped.yaml'), text);
    const config = loadConfig({ file: join(folder, 'wrapped.yaml'), env: {}, cwd: folder });
    const nothing = (): void => {};
    const tells = { onFinding: nothing, onIncident: nothing, onProgress: nothing, onNote: nothing };
    return (await replay({ paths: [], config, signal: new AbortController().signal, ...tells }))
      .events;
  };
  assert.equal(await configured(''), 0);
  assert.equal(await configured(', envelope: syslog'), 20);
  await assert.rejects(configured(', envelope: sislog'), /envelope/);
});

test('a line of a container that is not whole yet is read when it is', async () => {
  const file = join(folder, 'growing.log');
  const piece = (tag: string, text: string): string =>
    `2026-11-22T04:18:21.1Z stdout ${tag} ${text}\n`;
  writeFileSync(file, piece('F', LINE) + piece('P', LINE.slice(0, 70)));
  const said = { key: 'query:api_key', stateDir: join(folder, 'growing') };
  assert.equal((await replayedAs(said, file)).events, 1);
  appendFileSync(file, piece('F', LINE.slice(70)));
  const { events, rejected } = await replayedAs(said, file);
  assert.equal(events, 1);
  assert.deepEqual(rejected, {});
});

test('a key that is named by `fields` feeds its baseline', async () => {
  const lines = Array.from({ length: 30 }, (_, i) =>
    JSON.stringify({ time: Date.parse('2026-03-01T10:00:00Z') + i * 1000, who: 'k-1', code: 200 }),
  );
  writeFileSync(join(folder, 'mapped.ndjson'), `${lines.join('\n')}\n`);
  const claimedWith = async (fields: string): Promise<number> => {
    writeFileSync(
      join(folder, 'keyhound.yaml'),
      `sources: [{name: a, kind: file, format: json, path: mapped.ndjson, ${fields}}]\n`,
    );
    const config = loadConfig({ file: join(folder, 'keyhound.yaml'), env: {}, cwd: folder });
    const nothing = (): void => {};
    const summary = await replay({
      paths: [],
      config,
      signal: new AbortController().signal,
      onFinding: nothing,
      onIncident: nothing,
      onProgress: nothing,
      onNote: nothing,
    });
    assert.equal(summary.events, 30);
    return summary.claimed;
  };
  assert.equal(await claimedWith('fields: {at: time, key: who, status: code}'), 0);
  assert.equal(
    await claimedWith('identity: claimed, fields: {at: time, key: who, status: code}'),
    30,
  );
});

test('a mistyped --format or --key is told before a secret or a state is made', async () => {
  const home = join(folder, 'home');
  mkdirSync(home);
  const { HOME, XDG_CONFIG_HOME, KEYHOUND_PEPPER } = process.env;
  Object.assign(process.env, { HOME: home, XDG_CONFIG_HOME: home, KEYHOUND_PEPPER: '' });
  try {
    const config = loadConfig({ file: undefined, env: {}, cwd: home });
    const nothing = (): void => {};
    for (const given of [{ format: 'kongg' }, { key: 'headr:x' }, { envelope: 'crii' }]) {
      const replayed = replay({
        paths: [join(folder, 'any.log')],
        stateDir: join(home, 'state'),
        config,
        signal: new AbortController().signal,
        onFinding: nothing,
        onIncident: nothing,
        onProgress: nothing,
        onNote: nothing,
        ...given,
      });
      await assert.rejects(replayed, { kind: 'usage' });
      assert.deepEqual(readdirSync(home), []);
    }
  } finally {
    Object.assign(process.env, { HOME, XDG_CONFIG_HOME: XDG_CONFIG_HOME ?? '', KEYHOUND_PEPPER });
  }
});
