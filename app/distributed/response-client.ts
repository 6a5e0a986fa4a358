/**
 * What the API of a process of the distributed form answers about the response: all of it where this process is the
 * one that responds, else what is kept. Commands go to the one that responds; the others say which one that is.
 */
import { KeyhoundError } from '../../core/errors.ts';
import type { ResponseClient } from '../../core/response.ts';
import type { ResponseStores } from '../../store/redis/response/open.ts';
import type { Standby } from './respond-standby.ts';
import { askThatOne, RESPONDS_AT, type RespondsAt } from './responds-at.ts';

export interface ResponseClientParts {
  /** Undefined while another process responds. */
  acting(): ResponseClient | undefined;
  /** Of a process that may respond, while it does not. */
  standby(): Standby | undefined;
  /** Undefined where there is no Redis. Rejects while it is away. */
  stores(): Promise<Pick<ResponseStores, 'actions' | 'decisions' | 'flag' | 'trouble'> | undefined>;
}

export function createDistributedClient(parts: ResponseClientParts): ResponseClient {
  const acting = async (): Promise<ResponseClient> => {
    const client = parts.acting();
    if (client !== undefined) return client;
    const stores = await parts.stores().catch(() => undefined);
    // Not waited for while Redis is away.
    const isAway = stores?.trouble() !== undefined;
    throw await askThatOne(
      'the response',
      isAway ? undefined : stores?.flag<RespondsAt>(RESPONDS_AT),
    );
  };
  /** Told at once while Redis is away: whoever waits for it knows no more. */
  const kept = async () => {
    const stores = await parts.stores();
    if (stores === undefined) throw withoutRedis();
    const away = stores.trouble();
    if (away !== undefined) throw away;
    return stores;
  };
  const asked = async (): Promise<ResponseClient> => {
    await kept();
    return acting();
  };
  return {
    responseStatus: async () =>
      (parts.acting() ?? parts.standby() ?? (await acting())).responseStatus(),
    decisions: async (filter) => (await kept()).decisions.decisions(filter),
    async decision(id) {
      const { actions, decisions } = await kept();
      const client = parts.acting();
      if (client !== undefined) return client.decision(id);
      const decision = await decisions.decision(id);
      if (decision === undefined) return undefined;
      return { decision, actions: await actions.actions({ decision: id }) };
    },
    actions: async (filter) => (await kept()).actions.actions(filter),
    action: async (id) => (await kept()).actions.action(id),
    command: async (request) => (await asked()).command(request),
    approve: async (id, request) => (await asked()).approve(id, request),
    // Works with everything away.
    stop: async (request) => (parts.acting() ?? parts.standby() ?? (await acting())).stop(request),
    reconcile: async (request) => (await asked()).reconcile(request),
    verifyAudit: async () => (await asked()).verifyAudit(),
    testChannels: async (name) => (await acting()).testChannels(name),
  };
}

function withoutRedis(): KeyhoundError {
  return new KeyhoundError('usage', 'the response: not answered by this process', {
    code: 'not-here',
    hint: 'Ask a process with `redis`.',
  });
}
