/** The API over a state, as `run` puts it together, for tests of its clients. */
import assert from 'node:assert/strict';
import { createConsoleData } from '../../app/console-data.ts';
import { openSession, type Session } from '../../app/session.ts';
import { apiToken, statePaths } from '../../app/state-folder.ts';
import { type Api, createApi } from '../../console/api.ts';
import { createMetrics } from '../../console/metrics.ts';
import { systemClock } from '../../core/clock.ts';
import { snapshot } from '../console/fakes.ts';
import { type MadeState, PEPPER } from './made-state.ts';

export interface Running {
  readonly session: Session;
  readonly api: Api;
  /** Key references as the API got them. */
  readonly asked: string[];
  close(): Promise<void>;
}

export async function startInstance(
  made: Pick<MadeState, 'config' | 'folder'>,
  env: NodeJS.ProcessEnv = { KEYHOUND_PEPPER: PEPPER },
): Promise<Running> {
  const session = await openSession({
    config: made.config,
    stateDir: made.folder,
    env,
    clock: systemClock,
    command: 'run',
    onFinding: () => {},
    onIncident: () => {},
    onNote: () => {},
  });
  const asked: string[] = [];
  const data = createConsoleData(session, {
    response: undefined,
    commit: async (change) => {
      const answer = await change();
      await session.checkpoint();
      return answer;
    },
    readiness: () => ({ missing: [], traffic: 'none' }),
    summary: () => ({ type: 'summary' }),
  });
  const api = createApi({
    data: {
      ...data,
      key: (name) => {
        asked.push(name);
        return data.key(name);
      },
    },
    metrics: createMetrics(() => snapshot()),
    token: apiToken(statePaths(made.folder)).token,
    version: '9.9.9',
    logger: { error: (facts) => assert.fail(JSON.stringify(facts)) },
  });
  session.lock!.announce(await api.listen('127.0.0.1:0'));
  const close = async (): Promise<void> => {
    await api.close();
    await session.close();
  };
  return { session, api, asked, close };
}
