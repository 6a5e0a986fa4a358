/** A store of verdicts in memory, for tests of what writes them. */
import type { Verdict, VerdictStore } from '../../../core/verdict.ts';

export function verdictsInMemory(): VerdictStore {
  const held = new Map<string, Verdict>();
  const listeners = new Set<(key: string, verdict: Verdict | undefined) => void>();
  const tell = (key: string): void => {
    for (const listener of listeners) listener(key, held.get(key));
  };
  return {
    async putVerdict(verdict) {
      held.set(verdict.key, verdict);
      tell(verdict.key);
    },
    async removeVerdict(key) {
      held.delete(key);
      tell(key);
    },
    verdict: async (key) => held.get(key),
    verdicts: async () => [...held.values()],
    onVerdict(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
