/** Who checked the key, and what its evidence may lead to (design.md §4.2). */
import { AUTH, type RecordDraft } from '../core/record.ts';
import type { SourceTraits } from './contract.ts';

/** Where a key was taken from, as far as it matters for who vouches for it. */
export interface KeyOrigin {
  /** By `--key`. */
  readonly bySpec: boolean;
  /** Out of a parameter of the request, which no mapping named. */
  readonly byParameter: boolean;
}

/** As if nobody but the gateway could vouch. */
export const BY_GATEWAY: KeyOrigin = Object.freeze({ bySpec: false, byParameter: true });

/**
 * True when the gateway says that it checked the key, or the operator does, by naming the place of the key: `--key`
 * or a field of a mapping. A 401 and a failed check are claimed, whatever anybody configured.
 */
export function isAttested(draft: RecordDraft, traits: SourceTraits, origin: KeyOrigin): boolean {
  if (draft.status === 401 || draft.auth === AUTH.failed) return false;
  if (traits.identity !== undefined) return traits.identity === 'attested';
  if (origin.bySpec) return true;
  if (draft.auth === AUTH.none) return false;
  if (traits.format.identity === 'record') return draft.auth === AUTH.ok || byField(traits, origin);
  return traits.format.identity === 'attested';
}

/** What only the operator vouches for learns and alerts, but never acts unless the identity of the source is set. */
export function mayAct(draft: RecordDraft, traits: SourceTraits, origin: KeyOrigin): boolean {
  if (traits.trust !== 'act') return false;
  if (traits.identity !== undefined) return true;
  return !origin.bySpec && (draft.auth === AUTH.ok || !byField(traits, origin));
}

function byField(traits: SourceTraits, origin: KeyOrigin): boolean {
  return traits.keyField && !origin.byParameter;
}
