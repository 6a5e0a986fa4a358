/** What the endpoint did since its start. */
import type { DecisionWord } from './contract.ts';
import type { DialectName } from './dialects.ts';

export interface Counters {
  readonly decisions: Readonly<Record<DialectName, Record<DecisionWord, number>>>;
  /** Our own failures, answered by failMode. */
  failures: number;
  /** Requests of who may not ask. */
  refusedCallers: number;
}

export function createCounters(): Counters {
  const none = (): Record<DecisionWord, number> => ({ allow: 0, throttle: 0, refuse: 0 });
  return {
    decisions: { nginx: none(), forward: none(), envoy: none(), json: none() },
    failures: 0,
    refusedCallers: 0,
  };
}
