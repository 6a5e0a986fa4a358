/** Actions in Redis: the truth about what is done at the gateways. */
import {
  type Action,
  type ActionStore,
  actionChangedAt,
  isHeld,
  isUnsettled,
} from '../../../core/action.ts';
import type { RedisLink } from '../connection.ts';
import { NUL } from './keys.ts';
import { createLedger } from './ledger.ts';

export function createActionStore(
  link: RedisLink,
  prefix: string,
  recordsMax?: number,
): ActionStore {
  const ledger = createLedger<Action>({
    link,
    prefix,
    name: 'actions',
    recordsMax,
    changedAt: actionChangedAt,
    isOpen: isUnsettled,
    isHeld,
  });
  return {
    createAction({ version: _, ...action }) {
      const counter = `${action.gateway}${NUL}${action.subject.id}`;
      // The script puts the version in.
      return ledger.write({ record: action as Action, fence: 'new', counter });
    },
    changeAction: (record) => ledger.write({ record, fence: 'next' }),
    action: (id) => ledger.read(id),
    actions: ({ limit, subjectId, gateway, state, decision, sinceAt }) =>
      ledger.list({
        limit,
        sinceAt,
        subjectId,
        onlyOpen: state === 'planned' || state === 'running',
        matches: (action) =>
          (gateway === undefined || action.gateway === gateway) &&
          (state === undefined || action.state === state) &&
          (decision === undefined || action.decision === decision),
      }),
    unsettledActions: () => ledger.open(),
    async heldActions(gateway, subjectId) {
      const some = subjectId === undefined ? ledger.held() : ledger.ofSubject(subjectId);
      return (await some)
        .filter((action) => isHeld(action) && (gateway ?? action.gateway) === action.gateway)
        .sort((a, b) => b.version - a.version || (a.id < b.id ? -1 : 1));
    },
  };
}
