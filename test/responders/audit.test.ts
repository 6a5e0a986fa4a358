import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { AuditEntry, AuditStore } from '../../core/audit.ts';
import { KeyhoundError } from '../../core/errors.ts';
import {
  canonicalJson,
  createAuditLog,
  entryAfter,
  hashOf,
  NO_HASH,
} from '../../responders/audit.ts';
import { createHeadsPublisher, readHeads } from '../../responders/audit-heads.ts';
import { verifyAudit } from '../../responders/audit-verify.ts';
import { sampleNote } from '../support/response-samples.ts';

/** Entries by writer, in a list that tests may damage. */
function memoryStore() {
  const chains = new Map<string, AuditEntry[]>();
  const chain = (writer: string) => chains.get(writer) ?? [];
  const headOf = (writer: string) => {
    const last = chain(writer).at(-1);
    return last && { writer, sequence: last.sequence, hash: last.hash };
  };
  const store: AuditStore = {
    async appendAudit(entry) {
      const last = chain(entry.writer).at(-1);
      if (entry.sequence !== (last?.sequence ?? 0) + 1) return false;
      if (entry.previous !== (last?.hash ?? NO_HASH)) return false;
      chains.set(entry.writer, [...chain(entry.writer), structuredClone(entry)]);
      return true;
    },
    auditHead: async (writer) => headOf(writer),
    auditHeads: async () => [...chains.keys()].flatMap((writer) => headOf(writer) ?? []),
    auditEntries: async (writer, from, limit) =>
      chain(writer)
        .filter(({ sequence }) => sequence >= from)
        .slice(0, limit),
  };
  return { store, chains };
}

async function written(count: number, writer = 'one') {
  const memory = memoryStore();
  const log = createAuditLog({ store: memory.store, writer });
  for (let n = 1; n <= count; n++) await log.record(sampleNote({ why: `reason ${n}` }));
  return { ...memory, log };
}

const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-audit-'));
after(() => rm(folder, { recursive: true, force: true }));
const clock = { now: () => Date.parse('2026-03-01T10:00:00Z') };

test('canonical JSON does not depend on the order in which names were set', () => {
  const value = { b: [1, { z: null, ä: 'x"y' }], a: 1e21, Z: true };
  const text = '{"Z":true,"a":1e+21,"b":[1,{"z":null,"ä":"x\\"y"}]}';
  assert.equal(canonicalJson(value), text);
  assert.equal(canonicalJson(JSON.parse(JSON.stringify(value))), text);
});

test('the hash of an entry is as it ever was', () => {
  const entry = entryAfter({ writer: 'one', sequence: 0, hash: NO_HASH }, sampleNote());
  assert.equal(entry.hash, hashOf(entry));
  assert.equal(entry.hash, 'b20ff0ed9f44c7b23184c091f82cad09672fcb0bca12a45f3dcee92c823af6c7');
});

test('entries follow one another, and what JSON has no word for is not hashed', async () => {
  const { log, chains, store } = await written(2);
  await log.record(
    sampleNote({ evidence: { score: Number.NaN, left: undefined, at: new Date(0) } }),
  );
  const [first, second, third] = chains.get('one')!;
  assert.deepEqual([first!.id, second!.id, third!.id], ['one-1', 'one-2', 'one-3']);
  assert.equal(second!.previous, first!.hash);
  assert.deepEqual(third!.evidence, { score: null, at: '1970-01-01T00:00:00.000Z' });
  assert.deepEqual(
    (await verifyAudit(store)).map(({ ok, entries }) => [ok, entries]),
    [[true, 3]],
  );
});

test('notes given at once are recorded in order', async () => {
  const { store, chains } = memoryStore();
  const log = createAuditLog({ store, writer: 'one' });
  await Promise.all([1, 2, 3, 4, 5].map((n) => log.record(sampleNote({ why: String(n) }))));
  assert.deepEqual(
    chains.get('one')!.map(({ why }) => why),
    ['1', '2', '3', '4', '5'],
  );
});

test('two processes of one name go on with one chain, none of their entries lost', async () => {
  const { store, chains } = memoryStore();
  const logs = [1, 2, 3].map(() => createAuditLog({ store, writer: 'one' }));
  const notes = Array.from({ length: 60 }, (_, n) =>
    logs[n % 3]!.record(sampleNote({ why: `n${n}` })),
  );
  const entries = await Promise.all(notes);
  assert.equal(new Set(entries.map(({ id }) => id)).size, 60);
  assert.equal(chains.get('one')!.length, 60);
  assert.equal((await verifyAudit(store))[0]!.ok, true);
});

test('what the store does not take is refused, and the next entry follows what is there', async () => {
  const { store, chains } = await written(1);
  let fault: 'before' | 'after' | undefined;
  const failing: AuditStore = {
    ...store,
    async appendAudit(entry) {
      if (fault === 'before') throw new Error('no space left');
      const taken = await store.appendAudit(entry);
      if (fault === 'after') throw new Error('no answer');
      return taken;
    },
  };
  const log = createAuditLog({ store: failing, writer: 'one' });
  const refused = (error: unknown) =>
    error instanceof KeyhoundError && error.code === 'audit-unwritten' && error.retryable;
  for (fault of ['before', 'after'] as const) {
    await assert.rejects(log.record(sampleNote({ why: fault })), refused);
  }
  fault = undefined;
  await log.record(sampleNote({ why: 'last' }));
  assert.deepEqual(
    chains.get('one')!.map(({ why }) => why),
    ['reason 1', 'after', 'last'],
  );
  assert.equal((await verifyAudit(store))[0]!.ok, true);
});

const damage: [string, string, string, (chain: AuditEntry[]) => AuditEntry[]][] = [
  ['changed', 'one-3', 'changed', (chain) => chain.with(2, { ...chain[2]!, why: 'another' })],
  [
    'changed, its hash with it',
    'one-4',
    'rewritten',
    (chain) => {
      const changed = { ...chain[2]!, why: 'another' };
      return chain.with(2, { ...changed, hash: hashOf(changed) });
    },
  ],
  ['removed', 'one-3', 'missing', (chain) => chain.toSpliced(2, 1)],
  [
    'removed, the rest renumbered',
    'one-3',
    'changed',
    (chain) =>
      chain.toSpliced(2, 1).map((entry, n) => ({ ...entry, sequence: n + 1, id: `one-${n + 1}` })),
  ],
  [
    'reordered',
    'one-2',
    'missing',
    (chain) => [chain[0]!, chain[2]!, chain[1]!, ...chain.slice(3)],
  ],
  ['removed at the beginning', 'one-1', 'missing', (chain) => chain.slice(2)],
  ['put in twice', 'one-3', 'reordered', (chain) => chain.toSpliced(2, 0, chain[1]!)],
];
for (const [what, id, kind, harm] of damage) {
  test(`an entry that was ${what} is found, and the first broken link is named`, async () => {
    const { store, chains } = await written(6);
    chains.set('one', harm(chains.get('one')!));
    const [check] = await verifyAudit(store);
    assert.deepEqual([check!.ok, check!.broken], [false, { id, kind }]);
    assert.match(check!.detail, new RegExp(id));
  });
}

test('what was cut off, or written anew as a whole, is found by the published heads', async () => {
  const { store, chains, log } = await written(4);
  const heads = path.join(folder, 'cut.ndjson');
  const publisher = createHeadsPublisher({ store, path: heads, clock });
  await publisher.publish();
  await log.record(sampleNote());
  const { heads: published } = await readHeads(heads);
  assert.equal((await verifyAudit(store, published))[0]!.ok, true, 'it may go on');
  const kept = chains.get('one')!;

  chains.set('one', kept.slice(0, 3));
  assert.equal((await verifyAudit(store))[0]!.ok, true, 'nothing else can see it');
  const [cut] = await verifyAudit(store, published);
  assert.deepEqual([cut!.ok, cut!.broken], [false, { id: 'one-4', kind: 'cut-off' }]);

  chains.delete('one');
  const [gone] = await verifyAudit(store, published);
  assert.deepEqual([gone!.ok, gone!.broken], [false, { id: 'one-1', kind: 'cut-off' }]);

  const anew = createAuditLog({ store, writer: 'one' });
  for (let n = 1; n <= 5; n++) await anew.record(sampleNote({ why: 'made up' }));
  assert.equal((await verifyAudit(store))[0]!.ok, true);
  const [rewritten] = await verifyAudit(store, published);
  assert.deepEqual([rewritten!.ok, rewritten!.broken], [false, { id: 'one-4', kind: 'rewritten' }]);
});

test('each writer has a chain of its own', async () => {
  const { store, chains } = memoryStore();
  for (const writer of ['one', 'two']) {
    const log = createAuditLog({ store, writer });
    for (let n = 0; n < 3; n++) await log.record(sampleNote());
  }
  chains.set('two', chains.get('two')!.toSpliced(1, 1));
  const checks = await verifyAudit(store);
  assert.deepEqual(
    checks.map(({ writer, ok, entries }) => [writer, ok, entries]),
    [
      ['one', true, 3],
      ['two', false, 1],
    ],
  );
});

test('heads are published when they moved, to a private file that a crash does not spoil', async () => {
  const { store, log } = await written(2);
  const heads = path.join(folder, 'heads.ndjson');
  const publisher = createHeadsPublisher({ store, path: heads, clock });
  await publisher.publish();
  await publisher.publish();
  assert.equal((await readFile(heads, 'utf8')).split('\n').length, 2);
  assert.equal((await stat(heads)).mode & 0o777, 0o600);
  await appendFile(heads, '{"type":"audit-heads","at":"2026-03-');
  await log.record(sampleNote());
  await createHeadsPublisher({ store, path: heads, clock }).publish();
  const read = await readHeads(heads);
  assert.deepEqual(
    read.heads.map(({ sequence }) => sequence),
    [2, 3],
  );
  assert.equal(read.damaged, 1);
  await truncate(heads, 0);
  assert.deepEqual(await readHeads(heads), { heads: [], damaged: 0 });
  await assert.rejects(
    readHeads(path.join(folder, 'none')),
    (error: unknown) => error instanceof KeyhoundError && error.code === 'audit-heads',
  );
});
