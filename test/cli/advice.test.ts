import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Replay, ReplaySummary, Run } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { clientWith, incident, run, SUMMARY } from './memory-io.ts';

test('an empty list of keys says whether a filter is why', async () => {
  const assemblies = clientWith({ keys: async () => [] });
  assert.match((await run(['keys'], { assemblies })).stderr, /replay PATH --state DIR/);
  const filtered = await run(['keys', '--since', '2h'], { assemblies });
  assert.match(filtered.stderr, /No key is like that/);
});

test('a replay that gave nothing says what to try; one that gave something does not', async () => {
  const advice = async (change: Partial<ReplaySummary>): Promise<string> => {
    const given: Replay = async () => ({ ...SUMMARY, incidents: {}, ...change });
    return (await run(['replay', 'a.log', '--json'], { assemblies: { replay: given } })).stderr;
  };
  const nothing = { events: 0, subjects: 0 };
  assert.match(
    await advice({ ...nothing, rejected: { 'no-key': 9, malformed: 1 } }),
    /--key query:/,
  );
  assert.match(await advice({ ...nothing, rejected: { malformed: 10 } }), /read as kong.*--format/);
  assert.match(await advice({ ...nothing, records: 0 }), /no record/);
  assert.match(await advice({ events: 0, records: 0, subjects: 7 }), /read before/);
  assert.match(await advice({ events: 9, claimed: 9, subjects: 0 }), /identity: attested/);
  assert.match(await advice({ events: 900, late: 91 }), /behind newer ones.*Sort the log by time/);
  assert.equal(await advice({ events: 900, late: 90 }), '');
  assert.equal(await advice({ events: 9, claimed: 8 }), '');
  assert.equal(await advice({ rejected: { 'no-key': 1 } }), '');
});

test('advice does not name the --key that was given, and found nothing', async () => {
  const none: Replay = async () => ({ ...SUMMARY, events: 0, rejected: { 'no-key': 9 } });
  const advice = async (key: string): Promise<string> =>
    (await run(['replay', 'a.log', '--key', key], { assemblies: { replay: none } })).stderr;
  assert.match(await advice('client_ip'), /^No record shows a client address\.\n$/);
  assert.match(await advice('query:api_key'), /^No record shows a key at query:api_key\./);
});

test('of several kinds of files the advice names those of which nothing could be used', async () => {
  const one = { ...SUMMARY.sources[0]!, names: ['a.log', 'b.log'], files: 5 };
  const other = { ...one, format: 'combined', names: ['edge.log'], files: 1, events: 0 };
  const unread = { ...other, rejected: { 'no-key': 7, malformed: 3 } };
  const replayed: Replay = async () => ({ ...SUMMARY, sources: [one, unread] });
  const { stdout, stderr } = await run(['replay', 'logs'], { assemblies: { replay: replayed } });
  assert.match(stdout, /a\.log, b\.log and 3 more: a\.log: kong \(20 of 20 lines\), 10 records\n/);
  assert.match(stdout, /edge\.log: .*combined .*10 records; not read: 7 no-key, 3 malformed\n/);
  assert.match(stderr, /^edge\.log: No record shows a key\. Say where it is/);
  const silent: Replay = async () => ({ ...SUMMARY, sources: [one, { ...other, rejected: {} }] });
  assert.equal((await run(['replay', 'logs'], { assemblies: { replay: silent } })).stderr, '');
});

test('--fail-on gives no good verdict on a log of which nothing could be judged', async () => {
  const status = async (change: Partial<ReplaySummary>, ...words: string[]): Promise<number> => {
    const given: Replay = async () => ({ ...SUMMARY, incidents: {}, ...change });
    return (await run(['replay', 'a.log', ...words], { assemblies: { replay: given } })).status;
  };
  const unread = { records: 9, events: 0, rejected: { malformed: 9 } };
  assert.equal(await status(unread, '--fail-on', 'medium'), 1);
  assert.equal(await status(unread), 0);
  assert.equal(await status({ records: 0, events: 0 }, '--fail-on', 'medium'), 0);
});

test('a replay that fails half-way still tells what it found', async () => {
  const failing: Replay = async (options) => {
    options.onIncident(incident());
    throw new KeyhoundError('operating', 'a.log.gz: the gzip data ends too early');
  };
  const { status, stdout, stderr } = await run(['replay', 'a'], {
    assemblies: { replay: failing },
  });
  assert.equal(status, 1);
  assert.match(stdout, /billing-export/);
  assert.match(stderr, /ends too early/);
});

test('run speaks JSON on stderr where no person reads it, and plainly on a terminal', async () => {
  const ready: Run = async (options) =>
    options.onReady?.({
      listeners: { console: 'http://127.0.0.1:1' },
      stateDir: '/s',
      sources: ['web'],
      notes: [],
    });
  // The logger writes to the process's own stderr: silent here, and not through memory.
  const folder = mkdtempSync(join(tmpdir(), 'keyhound-run-'));
  writeFileSync(join(folder, 'keyhound.yaml'), 'log: {level: silent}\n');
  const options = { assemblies: { run: ready }, cwd: folder };
  assert.equal((await run(['run'], options)).stderr, '');
  const seen = await run(['run'], { ...options, tty: true });
  assert.match(seen.stderr, /console: http:\/\/127\.0\.0\.1:1\n/);
  rmSync(folder, { recursive: true });
});
