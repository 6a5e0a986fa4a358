/** The SQLite driver under the shared contract test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { openSqliteStore } from '../../../store/sqlite/store.ts';
import type { StoreDriver } from '../contract.ts';

export const PEPPER = 'a1b2c3d4';

export const driver: StoreDriver = {
  name: 'sqlite',
  createPlace: () => mkdtemp(path.join(tmpdir(), 'keyhound-store-')),
  open: (folder, bounds = {}) => openSqliteStore({ folder, pepperFingerprint: PEPPER, ...bounds }),
  openBackup: (folder) => openSqliteStore({ folder, pepperFingerprint: PEPPER, readOnly: true }),
};

/** A folder that is removed when the tests of the calling file have ended. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-store-'));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
