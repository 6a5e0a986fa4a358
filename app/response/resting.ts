/**
 * The response of a state that nobody runs on: lists are read from its file; what people command is carried out by
 * this process, which works until the gateways have answered.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Action, isPutOff, isUnsettled } from '../../core/action.ts';
import { systemClock } from '../../core/clock.ts';
import type { CommandAnswer, ResponseClient } from '../../core/response.ts';
import { Turns } from '../../core/turns.ts';
import { openSqliteResponseStore, type ResponseStore } from '../../store/sqlite/response.ts';
import { RESPONSE_FILE } from '../../store/sqlite/response-schema.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import type { Session } from '../session.ts';
import { statePaths } from '../state-folder.ts';
import { type EmbeddedResponse, openEmbeddedResponse } from './embedded.ts';

export interface RestingOptions {
  readonly config: LoadedConfig;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** The state under its lock, to be written to. */
  session(): Promise<Session>;
  /** The lock alone, for reading. */
  locked<T>(read: () => Promise<T>): Promise<T>;
}

export interface RestingResponse {
  readonly client: ResponseClient;
  close(): Promise<void>;
}

/** A gateway that does not answer for so long is left to the next run. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 50;

export function createRestingResponse(options: RestingOptions): RestingResponse {
  let acting: Promise<EmbeddedResponse> | undefined;
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();

  const open = (): Promise<EmbeddedResponse> => {
    acting ??= openActing(options).then(async (opened) => {
      await opened.start();
      running = opened.run(stop.signal);
      return opened;
    });
    return acting;
  };
  const reading = async <T>(none: T, read: (store: ResponseStore) => Promise<T>): Promise<T> => {
    if (acting !== undefined) return read((await acting).store);
    if (!existsSync(path.join(options.folder, RESPONSE_FILE))) return none;
    return options.locked(async () => {
      const store = await openSqliteResponseStore({ folder: options.folder, readOnly: true });
      return read(store).finally(() => store.close());
    });
  };
  const client: ResponseClient = {
    responseStatus: async () => (await open()).client.responseStatus(),
    decisions: (filter) => reading([], (store) => store.decisions(filter)),
    decision: (id) =>
      reading(undefined, async (store) => {
        const decision = await store.decision(id);
        if (decision === undefined) return undefined;
        return { decision, actions: await store.actions({ decision: id, limit: 100 }) };
      }),
    actions: (filter) => reading([], (store) => store.actions(filter)),
    action: (id) => reading(undefined, (store) => store.action(id)),
    async command(request) {
      const opened = await open();
      return settled(await opened.client.command(request), opened);
    },
    approve: async (id, request) => (await open()).client.approve(id, request),
    stop: async (request) => (await open()).client.stop(request),
    reconcile: async (request) => (await open()).client.reconcile(request),
    verifyAudit: async () => (await open()).client.verifyAudit(),
    testChannels: async (name) => (await open()).client.testChannels(name),
  };
  return {
    client,
    async close() {
      const opened = await acting;
      stop.abort();
      await running;
      await opened?.close();
    },
  };
}

async function openActing(options: RestingOptions): Promise<EmbeddedResponse> {
  const { config, folder, env, logger } = options;
  const session = await options.session();
  const turns = new Turns();
  return openEmbeddedResponse({
    ...{ config, session, turns, logger, env, clock: systemClock },
    paths: statePaths(folder),
    listens: false,
    commit: (change) =>
      turns.take(async () => {
        const answer = await change();
        await session.checkpoint();
        return answer;
      }),
  });
}

/** Waits until the gateways have answered. */
async function settled(answer: CommandAnswer, { store }: EmbeddedResponse): Promise<CommandAnswer> {
  const untilAt = systemClock.now() + PATIENCE_MS;
  let actions: Action[] = [...answer.actions];
  const isAwaited = (action: Action) => isUnsettled(action) && !isPutOff(action);
  while (actions.some(isAwaited) && systemClock.now() < untilAt) {
    await sleep(LOOK_MS);
    const read = await Promise.all(actions.map(({ id }) => store.action(id)));
    actions = read.map((action, i) => action ?? actions[i]!);
  }
  return { ...answer, actions };
}
