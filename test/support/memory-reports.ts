/** A ReportStore in memory, for tests; what it holds outlives who uses it, as a disk does. */
import type { ReceivedReport, ReportStore } from '../../core/report.ts';

export interface MemoryReports extends ReportStore {
  failing: boolean;
  /** Calls so far. */
  calls: number;
  /** All that is kept, as text. */
  text(): string;
  /** Reports that were read so far. */
  read: number;
}

export function memoryReports(): MemoryReports {
  const reports = new Map<string, ReceivedReport>();
  const keyOf = (sender: string, deliveryId: string): string =>
    JSON.stringify([sender, deliveryId]);
  const store: MemoryReports = {
    failing: false,
    calls: 0,
    read: 0,
    text: () => JSON.stringify([...reports]),
    async putReport(report) {
      store.calls++;
      if (store.failing) throw new Error('disk full');
      const key = keyOf(report.sender, report.deliveryId);
      if (reports.has(key)) return false;
      reports.set(key, structuredClone(report));
      return true;
    },
    async reportHandled(sender, deliveryId) {
      const key = keyOf(sender, deliveryId);
      reports.set(key, { ...reports.get(key)!, handled: true });
    },
    async reports(sinceAt) {
      if (store.failing) throw new Error('disk full');
      const found = [...reports.values()].filter(({ at }) => at >= sinceAt);
      store.read += found.length;
      return found;
    },
    async openReports(sinceAt) {
      if (store.failing) throw new Error('disk full');
      const found = [...reports.values()].filter(({ at, handled }) => at >= sinceAt && !handled);
      store.read += found.length;
      return found;
    },
    async removeReports(beforeAt) {
      for (const [key, { at, handled }] of reports)
        if (handled && at < beforeAt) reports.delete(key);
    },
  };
  return store;
}
