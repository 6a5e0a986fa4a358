/** What is kept, as the response wants it: the stores in Redis as one, telling of each revision of an action. */
import type { Action } from '../../core/action.ts';
import type { SealStore } from '../../core/seal.ts';
import type { ResponseStores } from '../../store/redis/response/open.ts';
import type { ResponseKeep } from '../response/response.ts';

export function keepOf(stores: ResponseStores, onAction: (action: Action) => void): ResponseKeep {
  const { actions, audit, decisions, deliveries, queue, reports, verdicts } = stores;
  return {
    ...{ ...decisions, ...actions, ...verdicts, ...deliveries, ...reports, queue },
    appendAudit: (entry) => audit.appendAudit(entry),
    auditHead: (writer) => audit.auditHead(writer),
    auditHeads: () => audit.auditHeads(),
    auditEntries: (writer, from, limit) => audit.auditEntries(writer, from, limit),
    async createAction(given) {
      const isNew = await actions.createAction(given);
      // The store has given it a version.
      const made = isNew ? await actions.action(given.id) : undefined;
      if (made !== undefined) onAction(made);
      return isNew;
    },
    async changeAction(next) {
      const isWritten = await actions.changeAction(next);
      if (isWritten) onAction(next);
      return isWritten;
    },
  };
}

/**
 * Sealed credentials in two places: in Redis for whichever process responds next, and on this disk, since Redis may
 * lose its last second with its power, and what was sealed is deleted at the gateway right after.
 */
export function sealedTwice(shared: SealStore, own: SealStore): SealStore {
  return {
    async put(name, sealed) {
      await own.put(name, sealed);
      await shared.put(name, sealed);
    },
    get: async (name) => (await shared.get(name)) ?? (await own.get(name)),
    async remove(name) {
      await shared.remove(name);
      await own.remove(name);
    },
    names: async () => [...new Set([...(await shared.names()), ...(await own.names())])],
  };
}
