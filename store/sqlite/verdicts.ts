/** Verdicts of the decision endpoint on SQLite. */
import type { DatabaseSync } from 'node:sqlite';
import type { Verdict, VerdictStore } from '../../core/verdict.ts';
import type { Batch } from './batch.ts';
import { bodyOf } from './rows.ts';

export function createVerdictStore(db: DatabaseSync, batch: Batch): VerdictStore {
  const putVerdict = db.prepare('INSERT OR REPLACE INTO verdicts (key, body) VALUES (?1, ?2)');
  const removeVerdict = db.prepare('DELETE FROM verdicts WHERE key = ?1');
  const verdict = db.prepare('SELECT body FROM verdicts WHERE key = ?1');
  const verdicts = db.prepare('SELECT body FROM verdicts ORDER BY key');
  // One process writes the file.
  let changes = 0;
  const listeners = new Set<Parameters<VerdictStore['onVerdict']>[0]>();
  return {
    async putVerdict(next) {
      await batch.write(() => putVerdict.run(next.key, JSON.stringify(next)));
      changes++;
      for (const listener of listeners) listener(next.key, next);
    },
    async removeVerdict(key) {
      await batch.write(() => removeVerdict.run(key));
      changes++;
      for (const listener of listeners) listener(key, undefined);
    },
    verdict: (key) =>
      batch.read(() => {
        const row = verdict.get(key);
        return row === undefined ? undefined : bodyOf<Verdict>(row);
      }),
    verdicts: () => batch.read(() => verdicts.all().map(bodyOf<Verdict>)),
    verdictsMark: async () => String(changes),
    onVerdict(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
