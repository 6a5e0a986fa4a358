/** Which process responds now, so that those that do not can say whom to ask. */
import { hostname } from 'node:os';
import { type Clock, toIso } from '../../core/clock.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { Flag } from '../../store/redis/response/flag.ts';

/** As the process said it when its turn began; it may have ended since without a word. */
export interface RespondsAt {
  readonly host: string;
  /** URL of its API, as it listens: one that is loopback is to be asked there. */
  readonly url: string;
  /** RFC 3339. */
  readonly sinceAt: string;
}

/** Name of the value in Redis. */
export const RESPONDS_AT = 'responds-at';

export function respondsHere(url: string, clock: Clock): RespondsAt {
  return { host: hostname(), url, sinceAt: toIso(clock.now()) };
}

/** The error that says whom to ask; Redis being away keeps nobody from being told as much as is known. */
export async function askThatOne(
  what: string,
  flag: Pick<Flag<RespondsAt>, 'read'> | undefined,
): Promise<KeyhoundError> {
  const known = await flag?.read().catch(() => undefined);
  const rest = 'with its configuration and in its state folder';
  return new KeyhoundError('usage', `${what}: not answered by this process`, {
    code: 'not-here',
    hint:
      known === undefined
        ? 'Ask the process of the role respond that responds now; it says so in its log.'
        : `Ask the process that responds since ${known.sinceAt}: ${known.url} on ${known.host}, ${rest}.`,
  });
}
