/**
 * For adapters that are asked what they are and write nothing: there is nothing to seal, and no verdict of another
 * process to be told of.
 */
import type { SealBox } from '../../core/gateway.ts';
import type { VerdictStore } from '../../core/verdict.ts';

export const NO_SEALS: SealBox = Object.freeze({
  seal: async () => {},
  open: async () => undefined,
  wipe: async () => {},
});
export const NO_VERDICTS: VerdictStore = Object.freeze({
  putVerdict: async () => {},
  removeVerdict: async () => {},
  verdict: async () => undefined,
  verdicts: async () => [],
  onVerdict: () => () => {},
});
