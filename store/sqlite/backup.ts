/**
 * Copies of a state that can be taken while it is in use, and the way back.
 *
 * A backup is a folder with `keyhound.db`, `response.db` where the state has one, the files of `sealed/` (credentials
 * that a gateway could only delete, encrypted) and `manifest.json`; the manifest is written last, so a folder without
 * one is no backup. It holds no pepper, no tokens and no key of the sealed files: those have to be kept by other means.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, rmSync } from 'node:fs';
import { chmod, copyFile, mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type Clock, toIso } from '../../core/clock.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { lockStateFolder } from '../lock.ts';
import { DATABASE_FILE, markClean, readInternal } from './connection.ts';
import { asOperating } from './errors.ts';
import { checkVersion, type Schema, STATE_SCHEMA, schemaVersion } from './migrations.ts';
import { RESPONSE_FILE, RESPONSE_SCHEMA } from './response-schema.ts';

const MANIFEST_FILE = 'manifest.json';
/** Folder of sealed credentials, in the state folder and in a backup. */
export const SEALED_FOLDER = 'sealed';
/** Pages copied per step. Steps run off the event loop; between them it turns. */
const PAGES_PER_STEP = 1024;

const copySchema = z.object({
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const manifestSchema = copySchema.extend({
  kind: z.literal('keyhound-state'),
  schemaVersion: z.int().min(1),
  pepperFingerprint: z.string().nullable(),
  takenAt: z.string(),
  file: z.literal(DATABASE_FILE),
  /** What lies beside the database; absent in backups of versions before 0.2. */
  others: z
    .array(
      copySchema.extend({ file: z.string().regex(/^(?:response\.db|sealed\/[a-z0-9-]+\.seal)$/) }),
    )
    .optional(),
});
export type BackupManifest = z.infer<typeof manifestSchema>;

/** Copies the last whole checkpoint into an empty or new folder (`backup-exists` otherwise). */
export async function backupDatabase(file: string, folder: string, clock: Clock): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0) {
    throw new KeyhoundError('usage', `${folder} is not empty`, {
      code: 'backup-exists',
      hint: 'Name a new folder: a backup never overwrites another one.',
    });
  }
  const copy = path.join(folder, DATABASE_FILE);
  const takenAt = toIso(clock.now());
  await copyPages(file, copy);
  await chmod(copy, 0o600);
  const facts = leaveClean(copy, (db) => ({
    schemaVersion: schemaVersion(db),
    pepperFingerprint: readInternal(db, 'pepper') ?? null,
  }));
  const manifest: BackupManifest = {
    kind: 'keyhound-state',
    ...facts,
    takenAt,
    file: DATABASE_FILE,
    ...(await factsOf(copy)),
    others: await copyOthers(path.dirname(file), folder),
  };
  await writeDurably(path.join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * Copies what lies beside the database. Sealed files last: a credential is sealed before the action that deletes it
 * is done, so none that the copied actions need is missing.
 */
async function copyOthers(from: string, to: string): Promise<BackupManifest['others']> {
  const files: string[] = [];
  if (existsSync(path.join(from, RESPONSE_FILE))) {
    const copy = path.join(to, RESPONSE_FILE);
    await copyPages(path.join(from, RESPONSE_FILE), copy);
    await chmod(copy, 0o600);
    leaveClean(copy, () => undefined);
    files.push(RESPONSE_FILE);
  }
  const sealed = await readdir(path.join(from, SEALED_FOLDER)).catch(() => []);
  for (const name of sealed.filter((found) => found.endsWith('.seal')).sort()) {
    const file = path.join(SEALED_FOLDER, name);
    await mkdir(path.join(to, SEALED_FOLDER), { recursive: true, mode: 0o700 });
    const copied = await copyFile(path.join(from, file), path.join(to, file)).then(
      () => true,
      // Wiped meanwhile.
      () => false,
    );
    if (copied) files.push(file);
  }
  return await Promise.all(
    files.map(async (file) => ({ file, ...(await factsOf(path.join(to, file))) })),
  );
}

async function factsOf(file: string): Promise<z.infer<typeof copySchema>> {
  return { bytes: (await stat(file)).size, sha256: await sha256(file) };
}

/** Leaves the copy as one file in good order: no log beside it, and marked as closed. */
function leaveClean<T>(copy: string, look: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(copy);
  try {
    markClean(db, true);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return look(db);
  } finally {
    db.close();
  }
}

/**
 * Copies through a connection that stands in a read transaction: it sees one instant, although checkpoints
 * go on, and is never sent back to its beginning by them.
 */
async function copyPages(file: string, copy: string): Promise<void> {
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(file, { readOnly: true });
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await backup(source, copy, { rate: PAGES_PER_STEP });
  } catch (error) {
    throw asOperating(error, copy);
  } finally {
    source?.close();
  }
}

/** Reads and checks a backup: manifest, sizes, checksums. Throws `backup-invalid`. */
export async function verifyBackup(from: string): Promise<BackupManifest> {
  const manifest = await readManifest(from);
  for (const copy of [manifest, ...(manifest.others ?? [])]) {
    const file = path.join(from, copy.file);
    const bytes = await stat(file).then(
      (found) => found.size,
      () => undefined,
    );
    if (bytes === undefined) throw invalid(from, `${copy.file} is missing`);
    if (bytes !== copy.bytes) throw invalid(from, `${copy.file} has another size`);
    if ((await sha256(file)) !== copy.sha256) {
      throw invalid(from, `${copy.file} has another checksum`);
    }
  }
  return manifest;
}

/**
 * Puts a verified backup in the place of the state of a folder. Throws `state-locked` when a process uses the
 * folder, `state-exists` when it has a state and `force` was not given, `state-newer`. Nothing of the old state is
 * touched before the new one has been checked and is on disk. By force too, sealed credentials that the backup does
 * not have stay: they may be the only copy of what a gateway deleted.
 */
export async function restoreBackup(
  from: string,
  to: string,
  options: { readonly force?: boolean; readonly clock?: Clock } = {},
): Promise<BackupManifest> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const { clock } = options;
  const lock = lockStateFolder(to, {
    command: 'state restore',
    ...(clock === undefined ? {} : { clock }),
  });
  const target = path.join(to, DATABASE_FILE);
  const incoming: string[] = [];
  try {
    const isThere = existsSync(target) || existsSync(path.join(to, RESPONSE_FILE));
    if (isThere && options.force !== true) {
      throw new KeyhoundError('usage', `${to} already has a state`, {
        code: 'state-exists',
        hint: 'Restore into an empty folder, or move that state away first.',
      });
    }
    const manifest = await verifyBackup(from);
    // The database of detection comes last: without it there is no state.
    const files = [...(manifest.others ?? []).map(({ file }) => file), manifest.file];
    for (const file of files) {
      incoming.push(path.join(to, `${file}.restoring`));
      await bringIn(path.join(from, file), path.join(to, `${file}.restoring`));
    }
    for (const file of files) await putInPlace(path.join(to, file));
    return manifest;
  } catch (error) {
    throw asOperating(error, target);
  } finally {
    for (const file of incoming) {
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    }
    lock.release();
  }
}

const SCHEMAS: Readonly<Record<string, Schema>> = {
  [DATABASE_FILE]: STATE_SCHEMA,
  [RESPONSE_FILE]: RESPONSE_SCHEMA,
};

/** Copies a file of a backup beside its place, and checks what can be. */
async function bringIn(from: string, incoming: string): Promise<void> {
  await mkdir(path.dirname(incoming), { recursive: true, mode: 0o700 });
  await copyFile(from, incoming);
  await chmod(incoming, 0o600);
  await syncFile(incoming);
  const schema = SCHEMAS[path.basename(from)];
  if (schema === undefined) return;
  const db = new DatabaseSync(incoming);
  try {
    checkVersion(db, incoming, schema, false);
  } finally {
    db.close();
  }
}

async function putInPlace(file: string): Promise<void> {
  // A log of the old state must not be played into the new file.
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
  await rename(`${file}.restoring`, file);
  await syncFile(path.dirname(file));
}

async function readManifest(from: string): Promise<BackupManifest> {
  let text: string;
  try {
    text = await readFile(path.join(from, MANIFEST_FILE), 'utf8');
  } catch (cause) {
    throw invalid(from, `it has no ${MANIFEST_FILE}`, cause);
  }
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw invalid(from, `${MANIFEST_FILE} is not JSON`, cause);
  }
  const parsed = manifestSchema.safeParse(read);
  if (!parsed.success) throw invalid(from, `${MANIFEST_FILE} lacks what it needs`);
  return parsed.data;
}

function invalid(folder: string, reason: string, cause?: unknown): KeyhoundError {
  return new KeyhoundError('usage', `${folder} is not a whole backup: ${reason}`, {
    code: 'backup-invalid',
    cause,
    hint: 'Take another backup; this one cannot be trusted.',
  });
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  await syncFile(path.dirname(file));
}

/** Works for folders too, so that a rename is on disk before it is spoken of. */
async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
