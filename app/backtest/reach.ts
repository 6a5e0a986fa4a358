/** What the configured gateways could do about a key, and how soon; none of them is called. */
import { ACTING_RUNGS, type ActingRung } from '../../core/ladder.ts';
import { createGateway } from '../../responders/gateways/create.ts';
import type { LoadedConfig } from '../contract.ts';
import { NO_SEALS, NO_VERDICTS } from '../response/nothing.ts';

/** From a decision until a request is refused by it, where no gateway says that it takes longer. */
export const DELAY_MS = 1000;

const EVERYTHING: ReadonlySet<ActingRung> = new Set(ACTING_RUNGS);

export interface Reach {
  rungsOf(subjectId: string): ReadonlySet<ActingRung>;
  asksPerRequest(subjectId: string): boolean;
  delayOf(subjectId: string): number;
}

/** Without a gateway: one that asks the decision endpoint for each request, as live. */
export const ASKED: Reach = Object.freeze({
  rungsOf: () => EVERYTHING,
  asksPerRequest: () => true,
  delayOf: () => DELAY_MS,
});

export function reachOf({ config, folder }: LoadedConfig, now: () => number): Reach {
  if (config.gateways.length === 0) return ASKED;
  const tools = { seals: NO_SEALS, verdicts: NO_VERDICTS, folder, now };
  const adapters = config.gateways.map((gateway) => createGateway(gateway, tools));
  const of = (id: string) => adapters.filter((adapter) => adapter.covers(id));
  return {
    rungsOf: (id) => new Set(of(id).flatMap(({ rungs }) => [...rungs])),
    asksPerRequest: (id) => of(id).some(({ rungs }) => rungs.has('contain')),
    delayOf: (id) => Math.max(DELAY_MS, ...of(id).map(({ settleMs }) => settleMs)),
  };
}
