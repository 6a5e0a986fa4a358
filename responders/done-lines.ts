/** What was done about a key, in lines for people. */
import type { Action } from '../core/action.ts';
import type { RateLimit, Rung } from '../core/ladder.ts';

export const PAST: Readonly<Record<Rung, string>> = {
  observe: 'observed',
  alert: 'alerted about',
  warn: 'warned about',
  'throttle-soft': 'throttled softly',
  'throttle-hard': 'throttled hard',
  contain: 'contained to its known use',
  suspend: 'suspended',
  revoke: 'revoked',
};

/** A line each for what has happened, in its order; none goes away again, as ToldBook counts them. */
export function doneLines(actions: readonly Action[]): string[] {
  const lines = actions.flatMap(linesOf);
  return lines.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

interface Line {
  readonly at: number;
  readonly line: string;
}

function linesOf(action: Action): Line[] {
  const { doneAt, endedBy, gateway, lastAcceptedAt, limit, requestedAt, rung } = action;
  const { undoneAt, undoVerdict, untilAt, verdict, verifiedAt, wanted } = action;
  const lines: Line[] = [];
  const add = (at: string | null, line: string): void => {
    if (at !== null) lines.push({ at: Date.parse(at), line });
  };
  const rate = limit === undefined ? '' : ` to ${rateOf(limit)}`;
  const until = untilAt === null ? 'until lifted' : `until ${minute(untilAt)}`;
  const instead = wanted === undefined ? '' : `; ${gateway} cannot have it ${PAST[wanted]}`;
  const took = doneAt === null ? '' : ` in ${seconds(requestedAt, doneAt)}`;
  add(doneAt, `${PAST[rung]}${rate} at ${gateway}${took}, ${until}${instead}`);
  if (verdict === 'contained') {
    const last = lastAcceptedAt === undefined ? '' : `: last accepted request at ${lastAcceptedAt}`;
    add(verifiedAt, `contained at ${gateway}${last}`);
  } else if (verdict === 'no-traffic') add(verifiedAt, `no traffic at ${gateway} since`);
  else if (verdict === 'not-contained') add(verifiedAt, `NOT contained at ${gateway}`);
  const by = endedBy === undefined ? '' : ` by ${endedBy.replace(/^person:/, '')}`;
  add(undoneAt, `taken back at ${gateway}${by}, at ${minute(undoneAt ?? '')}`);
  if (undoVerdict === 'restored') add(undoneAt, `accepted again at ${gateway}`);
  else if (undoVerdict === 'not-restored') add(undoneAt, `still refused at ${gateway}`);
  return lines;
}

/** `5 a minute`, `100 in 10 minutes`. */
function rateOf({ requests, windowMs }: RateLimit): string {
  const unit = UNITS.find(([ms]) => ms === windowMs)?.[1];
  return unit === undefined ? `${requests} in ${windowMs / 1000} seconds` : `${requests} ${unit}`;
}
const UNITS = [
  [1000, 'a second'],
  [60_000, 'a minute'],
  [3_600_000, 'an hour'],
  [86_400_000, 'a day'],
] as const;

export function minute(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

function seconds(from: string, to: string): string {
  return `${Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;
}
