/** Verdicts in Redis. */
import type { Verdict, VerdictStore } from '../../../core/verdict.ts';
import type { RedisLink } from '../connection.ts';
import { createRegister } from './register.ts';

type Listener = (key: string, verdict: Verdict | undefined) => void;

export function createVerdictStore(link: RedisLink, prefix: string): VerdictStore {
  const register = createRegister<Verdict>(link, prefix, 'verdicts', true);
  const listeners = new Set<Listener>();
  const tell: Listener = (key, verdict) => {
    for (const listener of listeners) listener(key, verdict);
  };
  return {
    async putVerdict(verdict) {
      await register.write(verdict.key, verdict);
      tell(verdict.key, verdict);
    },
    async removeVerdict(key) {
      await register.write(key, undefined);
      tell(key, undefined);
    },
    verdict: (key) => register.read(key),
    verdicts: () => register.all(),
    verdictsMark: () => register.lastChange(),
    onVerdict(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
