/** What the records know about a key at a gateway, and whose the state is that the gateway shows. */
import type { Action } from '../../core/action.ts';
import type { GatewayAdapter, GatewayState, KeyTarget } from '../../core/gateway.ts';
import { wishOf } from './wishes.ts';

/**
 * `ours`: the gateway shows what we left, or may have left. `original`: it shows the state before anything of ours
 * although something of ours was there. `theirs`: somebody else changed it.
 */
export type Whose = 'ours' | 'original' | 'theirs';

export interface KeyRecords {
  readonly target: KeyTarget;
  /** State before anything of ours. */
  readonly original: GatewayState;
  /** Of the key at the gateway, all that may have left something there, also the action that is worked on. */
  readonly held: readonly Action[];
}

/** It was being written when somebody last knew: what it left is not known. */
export function isUncertain({ state, wants, attempts, original }: Action): boolean {
  if (original === undefined) return false;
  if (state === 'running' || state === 'failed') return true;
  return attempts > 0 && wants === 'undone' && state === 'done';
}

export function whoseState(
  adapter: GatewayAdapter,
  { target, original, held }: KeyRecords,
  present: GatewayState,
): Whose {
  const { fingerprint } = present;
  const written = held.flatMap(({ wrote }) => (wrote === undefined ? [] : [wrote.fingerprint]));
  if (written.includes(fingerprint)) return 'ours';
  if (held.some(({ tried }) => tried === fingerprint)) return 'ours';
  const uncertain = held.filter(isUncertain);
  if (fingerprint === original.fingerprint) {
    // Before our first write, or while one of ours that takes back may have come through.
    const expected = written.length === 0 || uncertain.some(({ wants }) => wants === 'undone');
    return expected ? 'ours' : 'original';
  }
  if (uncertain.length === 0) return 'theirs';
  if (adapter.expect === undefined || adapter.inParts === true) return 'ours';
  const expected = [null, ...held.map(wishOf)].map((wish) =>
    adapter.expect?.({ target, original, wish }),
  );
  // Where the adapter cannot tell, one more write is what repeats ours.
  return expected.some((one) => one === undefined || one === fingerprint) ? 'ours' : 'theirs';
}
