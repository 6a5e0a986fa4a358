import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { KeyReference, Replay } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { clientWith, finding, incident, key, NOW, run, SUMMARY, stopWith } from './memory-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-cli-'));
after(() => rmSync(folder, { recursive: true }));

const replay: Replay = async (options) => {
  options.onNote('a note');
  options.onFinding(finding());
  options.onIncident(incident());
  options.onIncident(incident({ revision: 2, closedAt: '2026-03-01T10:30:00.000Z' }));
  return SUMMARY;
};

function lines(text: string): { type: string }[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
}

test('a replay of which a file was damaged shows its results, then says so and fails', async () => {
  const damaged = [
    { message: 'b.gz: the gzip data is damaged', code: 'source-damaged', textBytes: 2048 },
  ];
  const partly: Replay = async (options) => ({ ...(await replay(options)), damaged });
  const ran = await run(['replay', 'logs', '--json'], { assemblies: { replay: partly } });
  assert.equal(ran.status, 1);
  assert.deepEqual(lines(ran.stdout).at(-1), { ...SUMMARY, damaged });
  assert.match(ran.stderr, /b\.gz: the gzip data is damaged; the first 2.* of its text were read/);
  assert.match(ran.stderr, /\[source-damaged\]/);
});

test('with --json stdout holds NDJSON only, the summary last; the rest goes to stderr', async () => {
  const ran = await run(['replay', 'a.log', '--json'], { assemblies: { replay }, tty: true });
  assert.equal(ran.status, 0);
  assert.deepEqual(
    lines(ran.stdout).map(({ type }) => type),
    ['finding', 'incident', 'incident', 'summary'],
  );
  assert.deepEqual(lines(ran.stdout).at(-1), SUMMARY);
  assert.match(ran.stderr, /a note/);
});

test('as text a replay tells who, since when and why, in the last revision, then the sums', async () => {
  const { stdout } = await run(['replay', 'a.log'], { assemblies: { replay } });
  assert.match(stdout, /high +billing-export \(kong:3f9c\)\n +1,130 requests in 5 minutes/);
  assert.match(stdout, /since 2026-03-01 10:00:00 UTC, lasted 30m {2}· {2}volume-spike/);
  assert.equal(stdout.split('1,130 requests').length, 2);
  assert.match(stdout, /Incidents: 1 high\./);
  assert.match(stdout, /not read: 1 malformed/);
  assert.match(stdout, /a\.log: kong \(20 of 20 lines\), 1 file/);
});

test('replay hands on what it was told', async () => {
  let seen: unknown;
  const spy: Replay = async ({ paths, format, key: spec, stateDir }) => {
    seen = { paths, format, spec, stateDir };
    return SUMMARY;
  };
  await run(['replay', 'a', '-', '--format=kong', '--key', 'bearer', '--state', 's'], {
    assemblies: { replay: spy },
  });
  assert.deepEqual(seen, { paths: ['a', '-'], format: 'kong', spec: 'bearer', stateDir: 's' });
});

test('--fail-on gives exit status 3 from that severity on', async () => {
  const status = async (severity: string): Promise<number> =>
    (await run(['replay', 'a', '--fail-on', severity], { assemblies: { replay } })).status;
  assert.equal(await status('medium'), 3);
  assert.equal(await status('high'), 3);
  assert.equal(await status('critical'), 0);
});

test('a stop that was asked for has its status: 130, 143, and 0 when the reader went away', async () => {
  for (const [reason, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['EPIPE', 0],
    ['output-failed', 1],
  ] as const) {
    const ran = await run(['replay', 'a'], { assemblies: { replay }, stop: stopWith(reason) });
    assert.equal(ran.status, status);
    const told = /Stopped before the end: .* With --state it could go on later/.test(ran.stderr);
    assert.equal(told, reason !== 'EPIPE');
    const kept = { assemblies: { replay }, stop: stopWith(reason) };
    const again = await run(['replay', 'a', '--state', 'b'], kept);
    assert.equal(/The same command goes on from here/.test(again.stderr), reason !== 'EPIPE');
    const thrown = await run(['replay', 'a'], {
      assemblies: {
        replay: async ({ signal }) => {
          signal.throwIfAborted();
          return SUMMARY;
        },
      },
      stop: stopWith(reason),
    });
    assert.equal(thrown.status, status);
    assert.equal(thrown.stderr, '');
  }
});

test('an error is one line and a hint; a stack trace only with KEYHOUND_DEBUG', async () => {
  const failing = (error: Error) => ({
    assemblies: {
      replay: async () => {
        throw error;
      },
    },
  });
  const known = new KeyhoundError('operating', 'the disk is full', { hint: 'Make room.' });
  assert.deepEqual(await run(['replay', 'a'], failing(known)), {
    status: 1,
    stdout: '',
    stderr: 'keyhound: the disk is full\nhint: Make room.\n',
  });
  const coded = new KeyhoundError('usage', 'two faults\n  a\n  b', { code: 'config-invalid' });
  assert.equal(
    (await run(['replay', 'a'], failing(coded))).stderr,
    'keyhound: two faults [config-invalid]\n  a\n  b\n',
  );
  const unknown = await run(['replay', 'a'], failing(new TypeError('a\u001b[31m')));
  assert.equal(unknown.status, 1);
  assert.equal(unknown.stderr.split('\n').length, 3);
  assert.ok(!unknown.stderr.includes('\u001b'));
  const debug = await run(['replay', 'a'], { ...failing(known), env: { KEYHOUND_DEBUG: '1' } });
  assert.match(debug.stderr, /at .*commands\.test\.ts/);
});

test('colour only on a terminal, and never with NO_COLOR', async () => {
  const text = async (tty: boolean, env = {}): Promise<string> =>
    (await run(['replay', 'a'], { assemblies: { replay }, tty, env })).stdout;
  assert.ok((await text(true)).includes('\u001b[31m'));
  assert.ok(!(await text(true, { NO_COLOR: '1' })).includes('\u001b'));
  assert.ok(!(await text(false)).includes('\u001b'));
});

const HOSTILE = 'a\u001b]0;b\u0007\u009b31m\u202ec\n<script>=cmd()';

test('no text of an attacker reaches the terminal unescaped, in any command', async () => {
  const subject = { kind: 'key' as const, id: `x:${HOSTILE}`, label: HOSTILE };
  const one = incident({ subject, why: HOSTILE });
  const found = finding({
    subject,
    why: HOSTILE,
    observed: { [HOSTILE]: HOSTILE },
    parts: [{ name: HOSTILE, score: 1 }],
  });
  const client = clientWith({
    incidents: async () => [one],
    incident: async () => ({ incident: one, findings: [found] }),
    keys: async () => [key({ id: HOSTILE, label: HOSTILE, consumer: HOSTILE })],
    key: async () => ({ kind: 'found', key: key({ id: HOSTILE, label: HOSTILE }), usage: [] }),
    explain: async () => ({
      incident: one,
      findings: [{ finding: found, recomputed: { score: 1, identical: true } }],
      identical: true,
    }),
  });
  const assemblies = {
    ...client,
    replay: (async (options) => {
      options.onNote(HOSTILE);
      options.onFinding(found);
      options.onIncident(one);
      return { ...SUMMARY, sources: [{ ...SUMMARY.sources[0]!, source: HOSTILE }] };
    }) satisfies Replay,
  };
  const commands = [
    'replay a',
    'keys',
    'keys show a',
    'incidents',
    'incidents show a',
    'explain a',
  ];
  for (const words of commands) {
    for (const json of [[], ['--json']]) {
      const { stdout, stderr, status } = await run([...words.split(' '), ...json], { assemblies });
      assert.equal(status, 0, words);
      assert.doesNotMatch(stdout + stderr, /[^\P{Cc}\n]|\p{Cf}/u, words);
      if (json.length > 0) assert.ok(JSON.stringify(lines(stdout)).includes('\\u001b]0;b'), words);
    }
  }
});

test('lists say when there is more than --limit, and show no more', async () => {
  const incidents = async ({ limit }: { limit?: number }) =>
    Array.from({ length: limit! }, (_, i) => incident({ id: `i-${i}` }));
  const ran = await run(['incidents', '--limit', '3', '--json'], {
    assemblies: clientWith({ incidents }),
  });
  assert.equal(lines(ran.stdout).length, 3);
  assert.match(ran.stderr, /more: --limit 3/);
});

test('filters reach the state as they were given', async () => {
  let seen: unknown;
  const incidents = async (filter: unknown) => {
    seen = filter;
    return [];
  };
  const words = ['incidents', '--open', '--since', '2h', '--severity', 'high', '--subject', 'k:a'];
  const unknown = async () => ({ kind: 'unknown', nearest: undefined }) as const;
  const ran = await run(words, { assemblies: clientWith({ incidents, key: unknown }) });
  assert.deepEqual(seen, {
    limit: 51,
    sinceAt: NOW - 7_200_000,
    severity: 'high',
    subjectId: 'k:a',
    open: true,
  });
  assert.match(ran.stderr, /No incidents/);
});

test('incidents are asked for by label too; an id that no key has any more is taken as it is', async () => {
  const asked: (string | undefined)[] = [];
  const assemblies = clientWith({
    key: async (reference) =>
      'name' in reference && reference.name === 'billing-export'
        ? { kind: 'found', key: key(), usage: [] }
        : { kind: 'unknown', nearest: undefined },
    incidents: async ({ subjectId }) => {
      asked.push(subjectId);
      return [];
    },
  });
  await run(['incidents', '--subject', 'billing-export'], { assemblies });
  await run(['incidents', '--subject', 'kong:gone'], { assemblies });
  assert.deepEqual(asked, ['kong:3f9c', 'kong:gone']);
  const raw = await run(['incidents', '--subject', '-'], { assemblies, stdin: 'sk-live-1\n' });
  assert.equal(raw.status, 2);
  assert.equal(asked.length, 2);
});

test('the state is closed after use, also when a command fails', async () => {
  let closed = 0;
  const assemblies = clientWith({
    incident: async () => undefined,
    close: async () => {
      closed += 1;
    },
  });
  const ran = await run(['incidents', 'show', 'i-9'], { assemblies });
  assert.equal(ran.status, 2);
  assert.equal(closed, 1);
});

test('a label of several keys is exit status 2, with the candidates', async () => {
  const candidates = [key({ id: 'kong:aa' }), key({ id: 'kong:bb' })];
  const ran = await run(['keys', 'show', 'billing-export'], {
    assemblies: clientWith({ key: async () => ({ kind: 'ambiguous', candidates }) }),
  });
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /kong:aa[\s\S]*kong:bb[\s\S]*2 keys have this label/);
});

test('a raw key is read from stdin, and a word that names no key is never repeated', async () => {
  const raw = 'sk-live-0123456789';
  let seen: KeyReference | undefined;
  const assemblies = clientWith({
    key: async (reference) => {
      seen = reference;
      return { kind: 'unknown', nearest: undefined };
    },
  });
  const piped = await run(['keys', 'show', '-'], { assemblies, stdin: `${raw}\n` });
  assert.deepEqual(seen, { raw });
  const typed = await run(['keys', 'show', raw], { assemblies });
  assert.deepEqual(seen, { name: raw });
  for (const { status, stdout, stderr } of [piped, typed]) {
    assert.equal(status, 2);
    assert.ok(!(stdout + stderr).includes(raw));
  }
  assert.equal((await run(['keys', 'show', '-'], { assemblies })).status, 2);
});

test('explain shows the weights, and exits with 3 when it did not come out the same', async () => {
  const explained = (identical: boolean) => ({
    assemblies: clientWith({
      explain: async () => ({
        incident: incident(),
        findings: [{ finding: finding(), recomputed: { score: 9.1, identical } }],
        identical,
      }),
    }),
  });
  const same = await run(['explain', 'i-1'], explained(true));
  assert.equal(same.status, 0);
  assert.match(same.stdout, /observed +requests 1130 · windowMs 300000/);
  assert.match(same.stdout, /expected +requests 124\.3/);
  assert.match(same.stdout, /6\.1 +█+ +5 minutes/);
  assert.equal((await run(['explain', 'i-1'], explained(false))).status, 3);
});

test('config check tells all faults as check lines, and exits with 2', async () => {
  const path = join(folder, 'a.yaml');
  writeFileSync(path, 'log: {level: loud}\nstat: 1\n');
  const wrong = await run(['config', 'check', path, '--json'], { cwd: folder });
  assert.equal(wrong.status, 2);
  assert.deepEqual(lines(wrong.stdout), [
    {
      type: 'check',
      name: 'log.level',
      ok: false,
      detail: 'line 1: must be one of trace, debug, info, warn, error, fatal, silent',
    },
    {
      type: 'check',
      name: 'stat',
      ok: false,
      detail: 'line 2: unknown key',
      hint: 'Did you mean state?',
    },
  ]);
  writeFileSync(path, 'log: {level: warn}\n');
  const right = await run(['config', 'check', '--config', path], { cwd: folder });
  assert.equal(right.status, 0);
});

test('a configuration with faults keeps a command from running', async () => {
  const path = join(folder, 'b.yaml');
  writeFileSync(path, 'stat: 1\n');
  const ran = await run(['keys', '--config', path], { cwd: folder });
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /1 fault \[config-invalid\]\n {2}line 1, stat: unknown key/);
});

test('config schema is a JSON Schema that knows the detectors', async () => {
  const { stdout } = await run(['config', 'schema']);
  const schema = JSON.parse(stdout) as {
    properties: { detectors: { properties: Record<string, unknown> } };
  };
  assert.ok('off-hours' in schema.properties.detectors.properties);
});

test('restore is handed folders, and run the roles', async () => {
  const seen: unknown[] = [];
  const assemblies = {
    restoreState: async (options: { from: string; stateDir?: string | undefined }) => {
      seen.push([options.from, options.stateDir]);
    },
    run: async (options: { roles?: readonly string[] | undefined }) => {
      seen.push(options.roles);
    },
  };
  await run(['state', 'restore', 'b', '--state', 's'], { assemblies, cwd: '/there' });
  await run(['run', '--role', 'ingest,detect'], { assemblies });
  assert.deepEqual(seen, [
    ['/there/b', 's'],
    ['ingest', 'detect'],
  ]);
});
