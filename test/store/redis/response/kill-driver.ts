/** What a process under kill -9 stands on: Redis and BullMQ. A place is a URL and a prefix. */
import { openResponseStores } from '../../../../store/redis/response/open.ts';
import type { KillDriver } from '../../../responders/actions/kills/contract.ts';

export const driver: KillDriver = {
  name: 'redis',
  async open(place) {
    const [url, prefix] = place.split(' ') as [string, string];
    const stores = await openResponseStores({
      config: { url, prefix },
      // Work of a killed process is begun again when its lock ends: sooner here than in earnest.
      timing: { lockMs: 400, stalledMs: 100, sweepMs: 100 },
    });
    const { actions, audit, decisions, queue } = stores;
    return {
      store: {
        ...{ ...actions, ...decisions },
        appendAudit: (entry) => audit.appendAudit(entry),
        auditHead: (writer) => audit.auditHead(writer),
        auditHeads: () => audit.auditHeads(),
        auditEntries: (writer, from, limit) => audit.auditEntries(writer, from, limit),
      },
      queue,
      close: () => stores.close(),
    };
  },
};
