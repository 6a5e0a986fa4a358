/** Reads a state that nobody uses, under its lock and without changing it, unless it is asked to. */
import path from 'node:path';
import { systemClock } from '../core/clock.ts';
import { KeyhoundError } from '../core/errors.ts';
import { lockStateFolder } from '../store/lock.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite/store.ts';
import { createStateData, type StateData } from './console-data.ts';
import type { LoadedConfig, Logger, StateClient } from './contract.ts';
import { createIncidentData } from './incident-data.ts';
import { opens, pepperMismatch } from './pepper-check.ts';
import { createRestingResponse } from './response/resting.ts';
import { openSession, type Session } from './session.ts';

export interface StateClientOptions {
  readonly config: LoadedConfig;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const COMMAND = 'look-up';
/** What went wrong stands in the actions themselves. */
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Incidents need the store only; keys and explanations the whole engine, which takes longer to restore. */
export function createStateClient(options: StateClientOptions): StateClient {
  let store: OpenStore | undefined;
  let session: Session | undefined;
  let changing: Session | undefined;

  async function storeOf(): Promise<SqliteStore> {
    const open = changing ?? session;
    if (open?.store !== undefined) return open.store;
    store ??= await openStore(options.folder);
    return store.store;
  }
  async function whole(): Promise<Session> {
    const open = changing ?? session;
    if (open !== undefined) return open;
    await store?.close();
    store = undefined;
    session = await openWhole(options, true);
    return session;
  }

  /** A session that may write, in the place of what was open. */
  async function writing(): Promise<Session> {
    await session?.close();
    await store?.close();
    [session, store] = [undefined, undefined];
    changing ??= await openWhole(options, false);
    return changing;
  }

  /** What is changed is saved at once. */
  async function changeable(): Promise<StateData> {
    const opened = await writing();
    return createStateData(opened, async (change) => {
      const answer = await change();
      await opened.checkpoint();
      return answer;
    });
  }

  const locked = async <T>(read: () => Promise<T>): Promise<T> => storeOf().then(read);
  const response = createRestingResponse({ ...options, logger: SILENT, session: writing, locked });
  return {
    via: 'state',
    response: response.client,
    incidents: async (filter) => createIncidentData(await storeOf()).incidents(filter),
    incident: async (id) => createIncidentData(await storeOf()).incident(id),
    keys: async (filter) => reading(await whole()).keys(filter),
    async key(reference) {
      const opened = await whole();
      if ('raw' in reference) checkPepper(opened);
      return reading(opened).key(reference);
    },
    explain: async (id) => reading(await whole()).explain(id),
    backup: async (folder) => (await storeOf()).backup(path.resolve(folder)),
    rules: async (kind) => reading(await whole()).rules(kind),
    addRule: async (request) => (await changeable()).addRule(request),
    removeRule: async (request) => (await changeable()).removeRule(request),
    closeIncident: async (id, request) => (await changeable()).closeIncident(id, request),
    async close() {
      await response.close();
      await store?.close();
      await session?.close();
      await changing?.close();
    },
  };
}

function reading(session: Session): StateData {
  return createStateData(session, () => {
    throw new KeyhoundError('usage', 'the state is open for reading only', { code: 'read-only' });
  });
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

function openWhole(options: StateClientOptions, readOnly: boolean): Promise<Session> {
  return openSession({
    config: options.config,
    stateDir: options.folder,
    env: options.env,
    clock: systemClock,
    command: COMMAND,
    readOnly,
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
