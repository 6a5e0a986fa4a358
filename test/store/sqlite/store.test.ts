/** What is particular to the SQLite driver: its file, and what it refuses. */
import assert from 'node:assert/strict';
import { open, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { KeyhoundError } from '../../../core/errors.ts';
import { createWriter } from '../../../store/sqlite/commit.ts';
import { DATABASE_FILE, openDatabase } from '../../../store/sqlite/connection.ts';
import { asOperating } from '../../../store/sqlite/errors.ts';
import { STATE_SCHEMA } from '../../../store/sqlite/migrations.ts';
import { createReader, incidentQuery } from '../../../store/sqlite/queries.ts';
import { openSqliteStore } from '../../../store/sqlite/store.ts';
import { checkpointNumber, numbered, numbersIn } from '../rows.ts';
import { PEPPER, temporaryFolder } from './driver.ts';

const fileOf = (folder: string) => path.join(folder, DATABASE_FILE);
const openStore = (folder: string, pepperFingerprint = PEPPER) =>
  openSqliteStore({ folder, pepperFingerprint });

function refuses(run: Promise<unknown>, kind: string, code: string, hint: RegExp): Promise<void> {
  return assert.rejects(run, (error: unknown) => {
    assert.ok(error instanceof KeyhoundError, String(error));
    assert.deepEqual([error.kind, error.code], [kind, code]);
    assert.match(error.hint ?? '', hint);
    return true;
  });
}

async function madeState(): Promise<string> {
  const folder = await temporaryFolder();
  const store = await openStore(folder);
  await store.commit(checkpointNumber(1));
  await store.close();
  return folder;
}

/** Changes the file behind the store's back, as another program would. */
function tamper(folder: string, sql: string): void {
  const db = new DatabaseSync(fileOf(folder));
  db.exec(sql);
  db.close();
}

test('a closed store is one private file, without a log beside it', async () => {
  const folder = await madeState();
  assert.deepEqual(await readdir(folder), [DATABASE_FILE]);
  assert.equal((await stat(fileOf(folder))).mode & 0o777, 0o600);
});

test('a state of a later schema is refused', async () => {
  const folder = await madeState();
  tamper(folder, `PRAGMA user_version = ${STATE_SCHEMA.migrations.length + 1}`);
  await refuses(openStore(folder), 'usage', 'state-newer', /restore a backup/);
});

test('a state of the first schema is brought up to date, with what it holds', async () => {
  const folder = await temporaryFolder();
  const db = new DatabaseSync(fileOf(folder));
  db.exec(STATE_SCHEMA.migrations[0]!);
  db.exec(`PRAGMA application_id = ${STATE_SCHEMA.applicationId}; PRAGMA user_version = 1`);
  db.exec(
    `INSERT INTO finding_inputs VALUES ('fnd_1', 'volume-spike', 4.5, 'tick', 7, 'a1', x'00', NULL)`,
  );
  db.close();
  const store = await openStore(folder);
  assert.equal(store.facts().schemaVersion, STATE_SCHEMA.migrations.length);
  const { score, context } = (await store.findingInputs('fnd_1'))!;
  assert.deepEqual([score, context], [4.5, {}]);
  await store.close();
});

test('a state of another pepper is refused, and the hint names the variable', async () => {
  const folder = await madeState();
  await refuses(openStore(folder, 'ffff'), 'usage', 'pepper-mismatch', /KEYHOUND_PEPPER_FILE/);
  await (await openStore(folder)).close();
});

test('a state of the pepper before becomes one of the new pepper with its first checkpoint', async () => {
  const folder = await madeState();
  const changing = { folder, pepperFingerprint: 'ffff', previousFingerprint: PEPPER };
  const idle = await openSqliteStore(changing);
  await idle.close();
  // Nothing was bound under the new one yet, so the former still opens it.
  await (await openStore(folder)).close();
  const store = await openSqliteStore(changing);
  await store.commit(checkpointNumber(2));
  assert.equal(store.facts().pepperFingerprint, 'ffff');
  await store.close();
  await refuses(openStore(folder), 'usage', 'pepper-mismatch', /KEYHOUND_PEPPER_PREVIOUS/);
  await (await openSqliteStore(changing)).close();
  const strange = { ...changing, pepperFingerprint: 'eeee' };
  await refuses(openSqliteStore(strange), 'usage', 'pepper-mismatch', /KEYHOUND_PEPPER_PREVIOUS/);
});

test("somebody else's database is refused and left as it was", async () => {
  const folder = await temporaryFolder();
  tamper(folder, 'CREATE TABLE notes (text TEXT)');
  await refuses(openStore(folder), 'usage', 'state-foreign', /another folder/);
  const db = new DatabaseSync(fileOf(folder));
  assert.equal(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'], 1);
  db.close();
});

test('a file that is no database is refused, and the hint names the way back', async () => {
  const folder = await temporaryFolder();
  await writeFile(fileOf(folder), 'not a database, but long enough to look at '.repeat(100));
  await refuses(openStore(folder), 'operating', 'state-corrupt', /keyhound state restore/);
});

test('damage inside the file is found when the last user was killed', async () => {
  const folder = await madeState();
  tamper(folder, "UPDATE internal SET value = 'no' WHERE name = 'clean'");
  await (await openStore(folder)).close();
  tamper(folder, "UPDATE internal SET value = 'no' WHERE name = 'clean'");
  await scribble(fileOf(folder));
  await refuses(openStore(folder), 'operating', 'state-corrupt', /keyhound state restore/);
});

/** Overwrites the end of the file, where the rows are, not the header. */
async function scribble(file: string): Promise<void> {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(size / 2, 0x5a), 0, size / 2, size / 2);
  await handle.close();
}

test('a file that lost its end is refused after a kill', async () => {
  const folder = await madeState();
  tamper(folder, "UPDATE internal SET value = 'no' WHERE name = 'clean'");
  await truncate(fileOf(folder), ((await stat(fileOf(folder))).size / 2) & ~4095);
  await refuses(openStore(folder), 'operating', 'state-corrupt', /keyhound state restore/);
});

test('reading only: nothing is created, nothing is written', async () => {
  const empty = await temporaryFolder();
  const readOnly = { pepperFingerprint: undefined, readOnly: true };
  const missing = openSqliteStore({ folder: empty, ...readOnly });
  await refuses(missing, 'usage', 'state-missing', /keyhound run/);
  assert.deepEqual(await readdir(empty), []);
  const store = await openSqliteStore({ folder: await madeState(), ...readOnly });
  const state = await store.load();
  assert.deepEqual(state && [...numbersIn(state)], [1]);
  await refuses(store.commit(checkpointNumber(2)), 'usage', 'read-only', /^$/);
  await store.close();
});

test('a full disk keeps the checkpoint before, and later ones go on', async () => {
  const folder = await madeState();
  const file = fileOf(folder);
  const db = openDatabase({
    file,
    schema: STATE_SCHEMA,
    pepperFingerprint: PEPPER,
    previousFingerprint: undefined,
    readOnly: false,
  });
  const bounds = { deadLetterBytesMax: 1, deadLetterDaysMax: 1, usageMonthsMax: 1 };
  const writer = createWriter(db, {
    ...bounds,
    pepperFingerprint: PEPPER,
    clock: { now: () => 1 },
  });
  const reader = createReader(db);
  // What SQLite answers to a full disk, without filling one.
  const limited = db.prepare('PRAGMA max_page_count = 60').get()?.['max_page_count'];
  assert.equal(limited, 60);
  const big = {
    ...checkpointNumber(2),
    groups: [{ group: 1, part: 'p', bytes: numbered(2, 1e6) }],
  };
  const failed = writer.write(big).catch((error: unknown) => {
    throw asOperating(error, file);
  });
  await refuses(failed, 'operating', 'disk-full', /Free some space.*start again/);
  assert.deepEqual([...numbersIn(reader.load())], [1]);
  db.exec('PRAGMA max_page_count = 100000');
  await writer.write(checkpointNumber(3));
  assert.deepEqual([...numbersIn(reader.load())], [3]);
  db.close();
});

test('facts say when and what was saved last', async () => {
  const folder = await temporaryFolder();
  const clock = { now: () => 1_700_000_000_123 };
  const store = await openSqliteStore({ folder, pepperFingerprint: PEPPER, clock });
  assert.equal(store.facts().checkpointAt, undefined);
  await store.commit(checkpointNumber(1));
  const facts = store.facts();
  assert.deepEqual(
    [facts.checkpointAt, facts.schemaVersion, facts.pepperFingerprint],
    [1_700_000_000_123, STATE_SCHEMA.migrations.length, PEPPER],
  );
  assert.ok(facts.bytes > 20_000);
  await store.close();
  await store.close();
});

test('every filter of incidents finds its rows by an index', async () => {
  const db = new DatabaseSync(fileOf(await madeState()));
  const filters = [
    {},
    { sinceAt: 1 },
    { subjectId: 'k' },
    { subjectId: 'k', sinceAt: 1, open: true },
    { severity: 'high', sinceAt: 1 },
    { open: true },
  ] as const;
  for (const filter of filters) {
    const { sql, values } = incidentQuery(filter);
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
    const details = plan.map((row) => String(row['detail'])).join('; ');
    assert.match(details, /USING INDEX incidents_/, JSON.stringify(filter));
  }
  db.close();
});
