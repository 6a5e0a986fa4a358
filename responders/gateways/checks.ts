/** Lines of `doctor` about a gateway. */
import { KeyhoundError } from '../../core/errors.ts';
import type { GatewayCheck } from '../../core/gateway.ts';
import { ACTING_RUNGS, type ActingRung } from '../../core/ladder.ts';

/** What it cannot do. */
export function cannotCheck(
  name: string,
  rungs: ReadonlySet<ActingRung>,
  why: string,
): GatewayCheck {
  const missing = ACTING_RUNGS.filter((rung) => !rungs.has(rung)).join(', ');
  const detail = `${why}: cannot ${missing}; the next best rung is taken`;
  return { name, ok: true, detail };
}

/** A look at what is configured: what cannot be asked is one failed line, not the end of it. */
export async function tried(
  name: string,
  look: () => Promise<readonly GatewayCheck[]>,
  signal: AbortSignal,
): Promise<readonly GatewayCheck[]> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KeyhoundError)) throw error;
    const { message: detail, hint } = error;
    return [{ name, ok: false, detail, ...(hint !== undefined && { hint }) }];
  }
}
