/**
 * What the API of a process of the distributed form answers about the response: all of it where this process is the
 * one that responds, else what is kept. Commands go to the one that responds.
 */
import { KeyhoundError } from '../../core/errors.ts';
import type { ResponseClient } from '../../core/response.ts';
import type { ResponseStores } from '../../store/redis/response/open.ts';

export interface ResponseClientParts {
  /** Undefined while another process responds. */
  acting(): ResponseClient | undefined;
  /** Undefined where there is no Redis. Rejects while it is away. */
  stores(): Promise<Pick<ResponseStores, 'actions' | 'decisions'> | undefined>;
}

export function createDistributedClient(parts: ResponseClientParts): ResponseClient {
  const acting = (): ResponseClient => {
    const client = parts.acting();
    if (client === undefined)
      throw elsewhere(
        'the response',
        'the process of the role respond that responds now; it says so in its log',
      );
    return client;
  };
  const kept = async () => {
    const stores = await parts.stores();
    if (stores === undefined) throw elsewhere('the response', 'a process with `redis`');
    return stores;
  };
  return {
    responseStatus: async () => acting().responseStatus(),
    decisions: async (filter) =>
      parts.acting()?.decisions(filter) ?? (await kept()).decisions.decisions(filter),
    async decision(id) {
      const client = parts.acting();
      if (client !== undefined) return client.decision(id);
      const { actions, decisions } = await kept();
      const decision = await decisions.decision(id);
      if (decision === undefined) return undefined;
      return { decision, actions: await actions.actions({ decision: id }) };
    },
    actions: async (filter) =>
      parts.acting()?.actions(filter) ?? (await kept()).actions.actions(filter),
    action: async (id) => parts.acting()?.action(id) ?? (await kept()).actions.action(id),
    command: async (request) => acting().command(request),
    approve: async (id, request) => acting().approve(id, request),
    stop: async (request) => acting().stop(request),
    reconcile: async (request) => acting().reconcile(request),
    verifyAudit: async () => acting().verifyAudit(),
    testChannels: async (name) => acting().testChannels(name),
  };
}

function elsewhere(what: string, where: string): KeyhoundError {
  return new KeyhoundError('usage', `${what}: not answered by this process`, {
    code: 'not-here',
    hint: `Ask ${where}.`,
  });
}
