import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Action } from '../../../core/action.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import { createBatch } from '../../../store/sqlite/batch.ts';
import { DATABASE_FILE } from '../../../store/sqlite/connection.ts';
import { openSqliteResponseStore } from '../../../store/sqlite/response.ts';
import { RESPONSE_FILE, RESPONSE_SCHEMA } from '../../../store/sqlite/response-schema.ts';
import { openSqliteStore } from '../../../store/sqlite/store.ts';
import { sampleAction, sampleDecision, sampleState } from '../../support/response-samples.ts';
import { PEPPER, temporaryFolder } from './driver.ts';

function refuses(run: Promise<unknown>, code: string): Promise<void> {
  return assert.rejects(
    run,
    (error: unknown) => error instanceof KeyhoundError && error.code === code,
  );
}

test('it is one private file beside the state, left without a log', async () => {
  const folder = await temporaryFolder();
  const state = await openSqliteStore({ folder, pepperFingerprint: PEPPER });
  const store = await openSqliteResponseStore({ folder });
  await store.put(sampleDecision());
  await Promise.all([store.close(), store.close(), state.close()]);
  assert.deepEqual(await readdir(folder), [DATABASE_FILE, RESPONSE_FILE]);
  assert.equal((await stat(path.join(folder, RESPONSE_FILE))).mode & 0o777, 0o600);
});

test('a reader changes nothing, and what would write is refused', async () => {
  const folder = await temporaryFolder();
  await refuses(openSqliteResponseStore({ folder, readOnly: true }), 'state-missing');
  const store = await openSqliteResponseStore({ folder });
  await store.put(sampleDecision());
  await store.close();
  const reader = await openSqliteResponseStore({ folder, readOnly: true });
  assert.equal((await reader.openDecisions()).length, 1);
  await refuses(reader.put(sampleDecision({ revision: 2 })), 'read-only');
  await refuses(reader.queue.add({ gateway: 'a', action: 'b', subject: 'c', at: 0 }), 'read-only');
  await reader.close();
});

test('a file of a later version, and one of somebody else, are refused', async () => {
  const folder = await temporaryFolder();
  await (await openSqliteResponseStore({ folder })).close();
  const file = path.join(folder, RESPONSE_FILE);
  const tamper = (sql: string) => {
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
  };
  tamper(`PRAGMA user_version = ${RESPONSE_SCHEMA.migrations.length + 1}`);
  await refuses(openSqliteResponseStore({ folder }), 'state-newer');
  tamper('PRAGMA application_id = 7');
  await refuses(openSqliteResponseStore({ folder }), 'state-foreign');
});

test('a file of an earlier version keeps what is in it', async () => {
  const folder = await temporaryFolder();
  const db = new DatabaseSync(path.join(folder, RESPONSE_FILE));
  db.exec(RESPONSE_SCHEMA.migrations[0]!);
  db.exec(`PRAGMA application_id = ${RESPONSE_SCHEMA.applicationId}; PRAGMA user_version = 1`);
  const report = { sender: 'scanner', deliveryId: 'm1', at: 10, hits: [], handled: false };
  db.prepare('INSERT INTO reports VALUES (?, ?, ?, 0, ?)').run(
    ...(['scanner', 'm1', 10, JSON.stringify(report)] as const),
  );
  db.close();
  await refuses(openSqliteResponseStore({ folder, readOnly: true }), 'state-older');
  const store = await openSqliteResponseStore({ folder });
  assert.deepEqual(await store.openReports(0), [report]);
  await store.close();
});

test('an open checkpoint of detection holds up nothing', async () => {
  const folder = await temporaryFolder();
  const state = await openSqliteStore({ folder, pepperFingerprint: PEPPER });
  const other = new DatabaseSync(path.join(folder, DATABASE_FILE));
  other.exec('BEGIN IMMEDIATE');
  const store = await openSqliteResponseStore({ folder });
  assert.equal(await store.put(sampleDecision()), true);
  other.exec('ROLLBACK');
  other.close();
  await Promise.all([store.close(), state.close()]);
});

test('writes asked for at once share a transaction; one that throws takes back its own only', async () => {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)');
  const begun: string[] = [];
  const counted = new Proxy(db, {
    get(target, name: keyof DatabaseSync) {
      if (name !== 'exec') return Reflect.get(target, name, target);
      return (sql: string) => {
        begun.push(sql);
        target.exec(sql);
      };
    },
  });
  const batch = createBatch(counted, 'memory', false);
  const add = (n: number) =>
    batch.write(() => db.prepare('INSERT INTO t VALUES (?)').run(n).changes);
  const failing = batch.write(() => {
    db.exec('INSERT INTO t VALUES (7)');
    throw new Error('no');
  });
  const results = await Promise.allSettled([add(1), failing, add(1), add(2)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(
    db
      .prepare('SELECT n FROM t ORDER BY n')
      .all()
      .map((row) => row['n']),
    [1, 2],
  );
  assert.equal(begun.filter((sql) => sql === 'COMMIT').length, 1);
  db.close();
});

test('a full disk refuses what comes, keeps what was, and goes on when there is room', async () => {
  const db = new DatabaseSync(':memory:');
  db.exec('PRAGMA page_size = 4096; CREATE TABLE t (body TEXT) STRICT');
  const batch = createBatch(db, 'response.db', false);
  const add = (length: number) =>
    batch.write(() => db.prepare('INSERT INTO t VALUES (?)').run('x'.repeat(length)).changes);
  await add(10);
  db.exec('PRAGMA max_page_count = 4');
  await refuses(add(100_000), 'disk-full');
  await add(10);
  db.exec('PRAGMA max_page_count = 1000');
  await add(100_000);
  assert.equal(db.prepare('SELECT count(*) AS n FROM t').get()!['n'], 3);
  db.close();
});

test('what has ended is kept 13 months; what still does something, and the audit, for ever', async () => {
  const folder = await temporaryFolder();
  const clock = { now: () => Date.parse('2027-06-01T00:00:00Z') };
  const store = await openSqliteResponseStore({ folder, clock });
  const id = (n: number) => String(n).padStart(20, '0');
  const act = (n: number, change: Partial<Action>) =>
    store.createAction(sampleAction({ id: `act_${id(n)}`, decision: `dec_${id(n)}`, ...change }));
  const old = { requestedAt: '2026-03-01T10:00:00.000Z' };
  const original = sampleState();
  await act(1, { ...old, state: 'undone', wants: 'undone', original });
  await act(2, { ...old, state: 'done', original });
  await act(3, { ...old, state: 'planned' });
  await act(4, { requestedAt: '2026-08-01T10:00:00.000Z', state: 'undone', wants: 'undone' });
  await act(5, { ...old, state: 'failed' });
  for (const n of [1, 2, 3, 4, 5, 6]) {
    await store.put(
      sampleDecision({ id: `dec_${id(n)}`, state: 'ended', endedAt: '2026-03-02T10:00:00Z' }),
    );
  }
  await store.put(sampleDecision({ id: `dec_${id(7)}` }));
  for (let n = 0; n < 3; n++) await store.prune();
  const left = (await store.actions({})).map((action) => Number(action.id.slice(4)));
  assert.deepEqual(left.sort(), [2, 3, 4, 5], 'the last of a key stays, so that versions go on');
  const decisions = (await store.decisions({})).map((decision) => Number(decision.id.slice(4)));
  assert.deepEqual(decisions.sort(), [2, 3, 7]);
  await act(8, {});
  assert.equal((await store.action(`act_${id(8)}`))!.version, 6);
  await store.close();
});
