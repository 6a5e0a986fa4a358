/** The response of the demo: at its made gateway, first observing, then, if asked for, for real. */
import type { Action } from '../../core/action.ts';
import type { Clock } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import { Turns } from '../../core/turns.ts';
import { resolvePolicy } from '../../responders/policy.ts';
import { policySchema } from '../../responders/policy-schema.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { type EmbeddedResponse, openEmbeddedResponse } from '../response/embedded.ts';
import type { Session } from '../session.ts';
import { openStateFolder } from '../state-folder.ts';
import { createMadeGateway, type MadeGateway } from './made-gateway.ts';

/** Everything is on, and the history that was just made counts as history. */
const AUTOMATIC = resolvePolicy(
  policySchema.parse({
    version: 1,
    ladder: { 'throttle-soft': 'automatic', 'throttle-hard': 'automatic', suspend: 'automatic' },
    brakes: { stale: { coldFor: '1s' } },
  }),
);

export interface DemoActing {
  readonly gateway: MadeGateway;
  readonly response: EmbeddedResponse['response'];
  /** From now on it acts. */
  switchOn(): void;
  close(): Promise<void>;
}

export interface DemoActingOptions {
  readonly config: LoadedConfig;
  readonly session: Session;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  onDecision(decision: Decision): void;
  onAction(action: Action): void;
  onNote(text: string): void;
}

export async function openDemoActing(options: DemoActingOptions): Promise<DemoActing> {
  const { config, session, folder, env, clock, onDecision, onAction, onNote } = options;
  const turns = new Turns();
  const acting = await openEmbeddedResponse({
    ...{ config, session, turns, clock, env, logger: loggerOf(onNote), listens: false },
    paths: openStateFolder(folder),
    // Which of them the made gateway can.
    rungs: ['throttle-soft', 'throttle-hard', 'suspend'],
    commit: async (change) => change(),
    teller: { decision: onDecision, action: onAction },
  });
  const gateway = createMadeGateway(acting.store, clock);
  const stop = new AbortController();
  await acting.start();
  const running = acting.run(stop.signal);
  return {
    gateway,
    response: acting.response,
    switchOn: () => acting.response.options.holder.replace(AUTOMATIC, clock.now()),
    async close() {
      gateway.close();
      stop.abort();
      await running;
      await acting.close();
    },
  };
}

function loggerOf(onNote: (text: string) => void): Logger {
  const quiet = (): void => undefined;
  return { debug: quiet, info: quiet, warn: quiet, error: (_, text) => onNote(text) };
}
