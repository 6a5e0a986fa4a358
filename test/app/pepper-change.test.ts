/** Changing the pepper of a state: keys go on with what was learned of them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { openClient } from '../../app/client.ts';
import type { KeyLookup, LoadedConfig } from '../../app/contract.ts';
import { replay } from '../../app/replay.ts';
import { configSchema } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { startInstance } from './instance.ts';

const OLD = 'the pepper of the beginning, long';
const NEW = 'the pepper that comes after, long';
const CHANGING = { KEYHOUND_PEPPER: NEW, KEYHOUND_PEPPER_PREVIOUS: OLD };
const KEYS = ['kx_live_0123456789abcdef', 'kx_live_aaaaaaaaaaaaaaaa'] as const;
const FROM_AT = Date.parse('2026-03-01T10:00:00.000Z');
const signal = new AbortController().signal;

let parent: string;
let written = 0;

function setPepper(env: { KEYHOUND_PEPPER: string; KEYHOUND_PEPPER_PREVIOUS?: string }): void {
  process.env['KEYHOUND_PEPPER'] = env.KEYHOUND_PEPPER;
  process.env['KEYHOUND_PEPPER_PREVIOUS'] = env.KEYHOUND_PEPPER_PREVIOUS ?? '';
}

function configOf(folder: string): LoadedConfig {
  const config = configSchema.parse({ state: { dir: folder } });
  return { config, path: undefined, folder: parent };
}

/** One more hour of ten requests of each key. */
async function use(folder: string, keys: readonly string[]): Promise<string[]> {
  const hour = ++written;
  const lines = Array.from({ length: 10 }, (_, i) =>
    keys.map((key) => JSON.stringify({ at: FROM_AT + hour * 3_600_000 + i * 60_000, key })),
  ).flat();
  const log = path.join(parent, `log-${hour}.ndjson`);
  await writeFile(log, `${lines.join('\n')}\n`);
  const notes: string[] = [];
  await replay({
    paths: [log],
    format: 'keyhound',
    stateDir: folder,
    config: configOf(folder),
    signal,
    onFinding: () => {},
    onIncident: () => {},
    onProgress: () => {},
    onNote: (text) => notes.push(text),
  });
  return notes;
}

async function look(folder: string, raw: string): Promise<KeyLookup> {
  const client = await openClient({ config: configOf(folder), stateDir: undefined, signal });
  try {
    return await client.key({ raw });
  } finally {
    await client.close();
  }
}

async function keyOf(folder: string, raw: string): Promise<{ id: string; events: number }> {
  const lookup = await look(folder, raw);
  assert.equal(lookup.kind, 'found');
  return lookup.kind === 'found' ? lookup.key : assert.fail();
}

function mismatch(error: unknown): boolean {
  return error instanceof KeyhoundError && error.code === 'pepper-mismatch';
}

describe('a pepper that is changed', () => {
  let saved: Parameters<typeof setPepper>[0];
  before(async () => {
    parent = await mkdtemp(path.join(tmpdir(), 'keyhound-pepper-'));
  });
  after(() => rm(parent, { recursive: true, force: true }));
  beforeEach(() => {
    const { KEYHOUND_PEPPER = '', KEYHOUND_PEPPER_PREVIOUS = '' } = process.env;
    saved = { KEYHOUND_PEPPER, KEYHOUND_PEPPER_PREVIOUS };
  });
  afterEach(() => setPepper(saved));

  test('a key that is used while the pepper is changed keeps id and baseline for ever', async () => {
    const folder = path.join(parent, 'carried');
    setPepper({ KEYHOUND_PEPPER: OLD });
    await use(folder, KEYS);
    const first = await keyOf(folder, KEYS[0]);
    assert.equal(first.events, 10);
    setPepper({ KEYHOUND_PEPPER: NEW });
    await assert.rejects(use(folder, KEYS), mismatch);

    setPepper(CHANGING);
    assert.deepEqual(await keyOf(folder, KEYS[0]), first, 'before the first checkpoint');
    const notes = await use(folder, [KEYS[0], 'kx_live_bbbbbbbbbbbbbbbb']);
    assert.ok(notes.some((note) => /pepper is being changed/.test(note)));
    assert.equal((await keyOf(folder, KEYS[0])).events, 20);
    assert.equal((await keyOf(folder, KEYS[1])).events, 10, 'not used since');

    setPepper({ KEYHOUND_PEPPER: NEW });
    await use(folder, KEYS);
    const last = await keyOf(folder, KEYS[0]);
    assert.deepEqual([last.id, last.events], [first.id, 30]);
    const stranger = await keyOf(folder, KEYS[1]);
    assert.equal(stranger.events, 10, 'not used in the meantime: it begins again');
    setPepper({ KEYHOUND_PEPPER: OLD });
    await assert.rejects(use(folder, KEYS), mismatch);
  });

  test('the running instance finds a raw key by its former hash, which is all that goes over the wire', async (t) => {
    const folder = path.join(parent, 'asked');
    setPepper({ KEYHOUND_PEPPER: OLD });
    await use(folder, KEYS);
    setPepper(CHANGING);
    const { asked, close } = await startInstance({ config: configOf(folder), folder }, process.env);
    t.after(close);
    assert.equal((await keyOf(folder, KEYS[0])).events, 10);
    assert.equal((await look(folder, 'kx_live_never_seen_before')).kind, 'unknown');
    assert.ok(asked.length > 0 && asked.every((name) => /^h:[0-9a-f]{32}$/.test(name)));
    setPepper({ KEYHOUND_PEPPER: 'a third pepper that is long enough' });
    await assert.rejects(look(folder, KEYS[0]), mismatch);
  });
});
