/**
 * Copies of a state that can be taken while it is in use, and the way back.
 *
 * A backup is a folder with `keyhound.db` and `manifest.json`; the manifest is written last, so a folder without
 * one is no backup. It holds no pepper and no tokens: the pepper has to be kept by other means.
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
import { checkVersion, STATE_SCHEMA, schemaVersion } from './migrations.ts';

const MANIFEST_FILE = 'manifest.json';
/** Pages copied per step. Steps run off the event loop; between them it turns. */
const PAGES_PER_STEP = 1024;

const manifestSchema = z.object({
  kind: z.literal('keyhound-state'),
  schemaVersion: z.int().min(1),
  pepperFingerprint: z.string().nullable(),
  takenAt: z.string(),
  file: z.literal(DATABASE_FILE),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
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
  const facts = describe(copy);
  const manifest: BackupManifest = {
    kind: 'keyhound-state',
    ...facts,
    takenAt,
    file: DATABASE_FILE,
    bytes: (await stat(copy)).size,
    sha256: await sha256(copy),
  };
  await writeDurably(path.join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
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

/** Leaves the copy as one file in good order: no log beside it, and marked as closed. */
function describe(copy: string): Pick<BackupManifest, 'schemaVersion' | 'pepperFingerprint'> {
  const db = new DatabaseSync(copy);
  try {
    markClean(db, true);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return {
      schemaVersion: schemaVersion(db),
      pepperFingerprint: readInternal(db, 'pepper') ?? null,
    };
  } finally {
    db.close();
  }
}

/** Reads and checks a backup: manifest, size, checksum, version. Throws `backup-invalid` or `state-newer`. */
export async function verifyBackup(from: string): Promise<BackupManifest> {
  const manifest = await readManifest(from);
  const file = path.join(from, manifest.file);
  const bytes = await stat(file).then(
    (found) => found.size,
    () => undefined,
  );
  if (bytes === undefined) throw invalid(from, `${manifest.file} is missing`);
  if (bytes !== manifest.bytes) throw invalid(from, `${manifest.file} has another size`);
  if ((await sha256(file)) !== manifest.sha256) {
    throw invalid(from, `${manifest.file} has another checksum`);
  }
  return manifest;
}

/**
 * Puts a verified backup in the place of the state of a folder. Throws `state-locked` when a process uses the
 * folder, `state-exists` when it has a state and `force` was not given. Nothing of the old state is touched before
 * the new one has been checked and is on disk.
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
  const incoming = `${target}.restoring`;
  try {
    if (existsSync(target) && options.force !== true) {
      throw new KeyhoundError('usage', `${to} already has a state`, {
        code: 'state-exists',
        hint: 'Restore into an empty folder, or move that state away first.',
      });
    }
    const manifest = await verifyBackup(from);
    await copyFile(path.join(from, manifest.file), incoming);
    await chmod(incoming, 0o600);
    await syncFile(incoming);
    checkCopy(incoming);
    // A log of the old state must not be played into the new file.
    for (const suffix of ['-wal', '-shm']) rmSync(target + suffix, { force: true });
    await rename(incoming, target);
    await syncFile(to);
    return manifest;
  } catch (error) {
    throw asOperating(error, target);
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(incoming + suffix, { force: true });
    lock.release();
  }
}

function checkCopy(file: string): void {
  const db = new DatabaseSync(file);
  try {
    checkVersion(db, file, STATE_SCHEMA, false);
  } finally {
    db.close();
  }
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
