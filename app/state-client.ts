/** Reads a state that nobody uses, under its lock and without changing it. */
import path from 'node:path';
import { systemClock } from '../core/clock.ts';
import { lockStateFolder } from '../store/lock.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite/store.ts';
import { createStateData } from './console-data.ts';
import type { LoadedConfig, StateClient } from './contract.ts';
import { createIncidentData } from './incident-data.ts';
import { opens, pepperMismatch } from './pepper-check.ts';
import { openSession, type Session } from './session.ts';

export interface StateClientOptions {
  readonly config: LoadedConfig;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const COMMAND = 'look-up';

/** Incidents need the store only; keys and explanations the whole engine, which takes longer to restore. */
export function createStateClient(options: StateClientOptions): StateClient {
  let store: OpenStore | undefined;
  let session: Session | undefined;

  async function storeOf(): Promise<SqliteStore> {
    if (session?.store !== undefined) return session.store;
    store ??= await openStore(options.folder);
    return store.store;
  }
  async function whole(): Promise<Session> {
    if (session !== undefined) return session;
    await store?.close();
    store = undefined;
    session = await openWhole(options);
    return session;
  }

  return {
    via: 'state',
    incidents: async (filter) => createIncidentData(await storeOf()).incidents(filter),
    incident: async (id) => createIncidentData(await storeOf()).incident(id),
    keys: async (filter) => createStateData(await whole()).keys(filter),
    async key(reference) {
      const opened = await whole();
      if ('raw' in reference) checkPepper(opened);
      return createStateData(opened).key(reference);
    },
    explain: async (id) => createStateData(await whole()).explain(id),
    backup: async (folder) => (await storeOf()).backup(path.resolve(folder)),
    async close() {
      await store?.close();
      await session?.close();
    },
  };
}

interface OpenStore {
  readonly store: SqliteStore;
  close(): Promise<void>;
}

async function openStore(folder: string): Promise<OpenStore> {
  const lock = lockStateFolder(folder, { command: COMMAND });
  try {
    const store = await openSqliteStore({ folder, pepperFingerprint: undefined, readOnly: true });
    return {
      store,
      async close() {
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openWhole(options: StateClientOptions): Promise<Session> {
  return openSession({
    config: options.config,
    stateDir: options.folder,
    env: options.env,
    clock: systemClock,
    command: COMMAND,
    readOnly: true,
    onFinding: () => {},
    onIncident: () => {},
    onNote: () => {},
  });
}

/** Hashed under another pepper every key is a stranger: that is not the same as unknown. */
function checkPepper({ store, pepper }: Session): void {
  const kept = store?.facts().pepperFingerprint;
  if (kept !== undefined && !opens(pepper, kept)) throw pepperMismatch();
}
