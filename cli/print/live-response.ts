/** Decisions and actions beside live incidents: a line for each that a person would want to see. */
import type { Action } from '../../core/action.ts';
import { toIso } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import { isActing } from '../../core/ladder.ts';
import { headLines, LIVE_COLUMNS } from './live-head.ts';
import { span } from './numbers.ts';
import type { Printer } from './printer.ts';
import { pad } from './style.ts';

export interface LiveResponse {
  decision(decision: Decision): void;
  action(action: Action): void;
}

export function createLiveResponse(print: Printer, now: () => number): LiveResponse {
  const { style } = print;
  const said = new Map<string, string>();
  const say = (id: string, state: string, text: string, subject: Decision['subject']): void => {
    // A revision that says the same is no news.
    if (said.get(id) === text) return;
    said.set(id, text);
    const parts = [style.bold(pad(state, LIVE_COLUMNS.state)), text];
    for (const line of headLines(print, toIso(now()), parts, subject)) print.line(line);
  };
  return {
    decision({ id, rung, mode, state, heldBy, subject }) {
      if (!isActing(rung)) return;
      if (mode === 'observe') say(id, 'would', `${rung}; it only observes`, subject);
      else if (state === 'held') say(id, 'held', `${rung}, by ${heldBy ?? '?'}`, subject);
    },
    action({ id, rung, state, verdict, doneAt, requestedAt, verifiedAt, limit, subject }) {
      const how = limit === undefined ? '' : ` to ${limit.requests} in ${span(limit.windowMs)}`;
      const since = (at: string | null): string =>
        at === null ? '?' : span(Date.parse(at) - Date.parse(requestedAt));
      if (state === 'undone') say(id, 'undone', `${rung} is taken back`, subject);
      if (state !== 'done') return;
      if (verdict === null) say(id, 'acted', `${rung}${how}, after ${since(doneAt)}`, subject);
      else if (verdict === 'not-contained') say(id, 'acted', style.bad('NOT contained'), subject);
      else
        say(id, 'seen', `${style.good(verdict)} in the log, after ${since(verifiedAt)}`, subject);
    },
  };
}
