/** Decisions in Redis. */
import {
  type Decision,
  type DecisionState,
  type DecisionStore,
  decisionChangedAt,
} from '../../../core/decision.ts';
import type { RedisLink } from '../connection.ts';
import { createLedger } from './ledger.ts';

const OPEN: ReadonlySet<DecisionState> = new Set(['held', 'waiting', 'standing']);

export function createDecisionStore(
  link: RedisLink,
  prefix: string,
  recordsMax?: number,
): DecisionStore {
  const ledger = createLedger<Decision>({
    link,
    prefix,
    name: 'decisions',
    recordsMax,
    changedAt: decisionChangedAt,
    isOpen: ({ state }) => OPEN.has(state),
  });
  return {
    put: (record) => ledger.write({ record, fence: 'above' }),
    decision: (id) => ledger.read(id),
    openDecisions: () => ledger.open(),
    decisions: ({ limit, subjectId, state, sinceAt }) =>
      ledger.list({
        limit,
        sinceAt,
        subjectId,
        onlyOpen: state !== undefined && OPEN.has(state),
        matches: (decision) => state === undefined || decision.state === state,
      }),
  };
}
