/** Since when each rung is switched on, over restarts. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { HolderFacts } from '../../responders/policy-holder.ts';

/** Lost or unreadable: every rung counts as switched on now, so older evidence is not acted upon. */
export function readFacts(file: string): HolderFacts | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as HolderFacts;
  } catch {
    return undefined;
  }
}

export function writeFacts(file: string, facts: HolderFacts): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(facts)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
