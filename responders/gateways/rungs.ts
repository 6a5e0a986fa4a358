/** What a gateway can do of the ladder. */
import { KeyhoundError } from '../../core/errors.ts';
import { ACTING_RUNGS, type ActingRung } from '../../core/ladder.ts';

export function rungSet(rungs: readonly ActingRung[]): ReadonlySet<ActingRung> {
  return new Set(ACTING_RUNGS.filter((rung) => rungs.includes(rung)));
}

/** For gateways that throttle a key and switch it off. */
export const ALL_BUT_CONTAIN = rungSet(['throttle-soft', 'throttle-hard', 'suspend', 'revoke']);
/** For gateways that can only switch a key off. */
export const ON_OR_OFF = rungSet(['suspend', 'revoke']);

/** The ladder asks for nothing that it cannot: reached only by a fault of ours, or by changed settings. */
export function cannotRung(gateway: string, rung: ActingRung): KeyhoundError {
  return new KeyhoundError('operating', `gateway ${gateway} cannot ${rung}`, {
    code: 'gateway-rung',
  });
}
