/** Who checked the key, and what its evidence may lead to (design.md §4.2). */
import { AUTH, type RecordDraft } from '../core/record.ts';
import type { SourceTraits } from './contract.ts';

/**
 * True when the gateway says that it checked the key. `bySpec`: the identity was taken by `--key` or from a
 * configured field. A 401 and a failed check are claimed, whatever anybody configured.
 */
export function isAttested(draft: RecordDraft, traits: SourceTraits, bySpec: boolean): boolean {
  if (draft.status === 401 || draft.auth === AUTH.failed) return false;
  if (traits.identity !== undefined) return traits.identity === 'attested';
  if (bySpec) return true;
  if (draft.auth === AUTH.none) return false;
  if (traits.format.identity === 'record') return draft.auth === AUTH.ok;
  return traits.format.identity === 'attested';
}

/** `--key` identity learns and alerts, but never acts unless the source's identity is set. */
export function mayAct(traits: SourceTraits, bySpec: boolean): boolean {
  return traits.trust === 'act' && !(bySpec && traits.identity === undefined);
}
