/**
 * What the console's API and the commands that open a state themselves both answer, from one session: so that
 * they answer the same.
 */
import type { ConsoleData, Readiness } from '../console/contract.ts';
import { assert } from '../core/errors.ts';
import type { ResponseClient } from '../core/response.ts';
import type { Coverage } from '../detectors/engine/contract.ts';
import type { StateClient } from './contract.ts';
import { explain } from './explain.ts';
import { createIncidentData } from './incident-data.ts';
import { createKeyData, type KeyResponse, keySourceOf } from './key-data.ts';
import type { Recent } from './recent.ts';
import type { Session } from './session.ts';
import { type Commit, createSteeringData, steeredOf } from './steering-data.ts';

export interface ConsoleDataOptions {
  readonly commit: Commit;
  /** What was told since the last checkpoint. Without it answers are as of that checkpoint. */
  readonly recent?: Recent;
  /** What is known of the sources. Without it keys are told as their records tell them. */
  readonly coverage?: Coverage;
  readonly response: ResponseClient | undefined;
  /** What it says of a key. */
  readonly ofKey?: KeyResponse;
  readiness(): Readiness;
  /** The `summary` of contracts.md, as of now. */
  summary(): object;
}

/** What is asked of a state, whoever asks. */
export type StateData = Omit<StateClient, 'via' | 'close' | 'response'>;

/** The session must have a store. */
export function createStateData(
  session: Session,
  commit: Commit,
  recent?: Recent,
  coverage: Coverage = { geographyBuiltAt: session.geographyBuiltAt },
  ofKey?: KeyResponse,
): StateData {
  const { store, engine } = session;
  assert(store !== undefined, 'only a session with a state can be asked');
  const incidents = createIncidentData(store, recent);
  const keys = createKeyData(keySourceOf(session, coverage, ofKey));
  return {
    incidents: (filter) => incidents.incidents(filter),
    incident: (id) => incidents.incident(id),
    keys: (filter) => keys.keys(filter),
    key: (reference) => keys.key(reference),
    explain: (id) =>
      explain(id, {
        incidents,
        inputs: (findingId) => store.findingInputs(findingId),
        recompute: (inputs) => engine.recompute(inputs),
        expected: (inputs, hours) => engine.expected(inputs, hours),
        usage: (keyId, sinceAt) => keys.usage(keyId, sinceAt),
        firstAt: async (keyId) => {
          const state = engine.key(keyId);
          return state === undefined ? undefined : Date.parse(state.firstAt);
        },
      }),
    // What was applied since the last checkpoint belongs to it: a sender was told that it is safe.
    backup: async (folder) => {
      await commit(() => undefined);
      await store.backup(folder);
    },
    ...createSteeringData(steeredOf(session), incidents, commit),
  };
}

/** For `createApi`. Reads the engine between two events: call it from the thread that the engine runs on. */
export function createConsoleData(session: Session, options: ConsoleDataOptions): ConsoleData {
  const { commit, coverage, ofKey, recent, response } = options;
  const data = createStateData(session, commit, recent, coverage, ofKey);
  return {
    ...data,
    response,
    readiness: () => options.readiness(),
    summary: async () => options.summary(),
    key: (name: string) => data.key({ name }),
  };
}
