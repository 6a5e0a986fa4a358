/** What a process of the role respond answers while it does not respond: what is kept, and the kill switch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, toIso } from '../../core/clock.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { ResponseClient, ResponseStatus } from '../../core/response.ts';
import type { ResponseStores } from '../../store/redis/response/open.ts';
import type { LoadedConfig } from '../contract.ts';
import type { KillSwitch } from '../response/kill-switch.ts';
import { policySource } from '../response/policy-file.ts';

/** Figures are waited for so long, ms. */
const FIGURES_MS = 1000;

export type Standby = Pick<ResponseClient, 'responseStatus' | 'stop'>;

export interface StandbyOptions {
  readonly config: LoadedConfig;
  readonly stores: Pick<ResponseStores, 'decisions'>;
  readonly killSwitch: KillSwitch;
  readonly clock: Clock;
}

export function createStandby(options: StandbyOptions): Standby {
  const { clock, killSwitch } = options;
  return {
    responseStatus: () => statusOf(options),
    async stop({ stopped, lift, by, reason }) {
      if (stopped) killSwitch.stop({ by, reason, at: toIso(clock.now()) });
      else killSwitch.resume();
      if (lift) throw notLifted();
      return statusOf(options);
    },
  };
}

async function statusOf({ config, killSwitch, stores }: StandbyOptions): Promise<ResponseStatus> {
  const source = policySource(config.config.policy, config.folder);
  const policy = source.read();
  const stopped = killSwitch.read();
  const late = sleep(FIGURES_MS, undefined, { ref: false });
  const open = await Promise.race([stores.decisions.openDecisions().catch(() => undefined), late]);
  const count = (name: 'standing' | 'held' | 'waiting') =>
    open === undefined ? {} : { [name]: open.filter(({ state }) => state === name).length };
  return {
    type: 'response',
    policyVersion: policy.version,
    policyPath: source.file ?? 'built-in',
    rungs: Object.fromEntries(
      Object.entries(policy.ladder).map(([rung, { mode }]) => [rung, mode]),
    ),
    stopped: stopped !== undefined,
    ...(stopped === undefined ? {} : { stoppedBy: stopped.by }),
    gateways: [],
    ...count('standing'),
    ...count('held'),
    ...count('waiting'),
  };
}

function notLifted(): KeyhoundError {
  return new KeyhoundError('usage', 'stopped; what stands is lifted by the process that responds', {
    code: 'not-here',
    hint: 'Nothing new is acted upon. Say it there once more with --lift, or restore each key.',
  });
}
