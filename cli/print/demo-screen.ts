/** The demo's screen: a header, the history's progress, then incidents above a status line. */
import type { DemoPhase, DemoTick, Finding, Incident } from '../../app/contract.ts';
import type { Action } from '../../core/action.ts';
import { toIso } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import { createLive } from './live.ts';
import { createLiveResponse } from './live-response.ts';
import { count, plural, span, when } from './numbers.ts';
import type { Printer } from './printer.ts';
import { createProgress } from './progress.ts';
import { fit, widthOf } from './style.ts';
import { wrapText } from './table.ts';

export interface DemoScreen {
  phase(phase: DemoPhase): void;
  finding(finding: Finding): void;
  incident(incident: Incident): void;
  decision(decision: Decision): void;
  action(action: Action): void;
  automatic(): void;
  tick(tick: DemoTick): void;
  end(): void;
}

const PLAIN_STATUS_EVERY_MS = 10_000;
const RULE_COLUMNS_MAX = 110;
const ABOUT =
  'A made gateway, made keys, made attacks: it learns what is normal for each key, and says when a key behaves ' +
  'unlike itself. Everything is local.';

export function createDemoScreen(
  print: Printer,
  now: () => number,
  automatic: boolean,
): DemoScreen {
  const live = createLive(print);
  const response = createLiveResponse(print, now);
  const progress = createProgress(print, now);
  let saidAt = now();
  let inHistory = true;
  const rule = (): void =>
    print.line(print.style.dim('─'.repeat(Math.min(RULE_COLUMNS_MAX, print.columns - 1))));
  const say = (text: string): void => {
    for (const line of wrapText(text, Math.min(RULE_COLUMNS_MAX, print.columns))) print.line(line);
  };
  const header = (): void => {
    rule();
    print.line(print.style.bold('Keyhound demo'));
    const acts = automatic
      ? 'First it only observes, then it acts at its made gateway.'
      : 'It only observes: --automatic lets it act.';
    say(`${ABOUT} ${acts} Ctrl-C ends it.`);
    rule();
  };
  return {
    phase: (phase) => {
      // Not before: what is wrong with the call is said before it begins.
      if (phase.phase === 'history') header();
      inHistory = phase.phase === 'history';
      progress.end();
      for (const line of phaseLines(phase)) say(line);
      if (!inHistory) rule();
    },
    finding: (finding) => live.finding(finding),
    incident: (incident) => {
      if (!inHistory) live.incident(incident);
    },
    decision: (decision) => response.decision(decision),
    action: (action) => response.action(action),
    automatic: () => {
      rule();
      say('3  Automatic: from now on it throttles and suspends at its made gateway.');
      rule();
    },
    tick: (tick) => {
      if (tick.phase === 'history') {
        progress.show({
          share: tick.share,
          amount: plural(tick.events, 'use'),
          eventsPerSecond: tick.eventsPerSecond,
          atMs: tick.atMs,
        });
        return;
      }
      const text = statusLine(tick);
      if (print.live) {
        const columns = print.statusColumns - 1;
        const fitting = widthOf(text) <= columns ? text : shortStatus(tick);
        print.status(print.statusStyle.bold(fit(fitting, columns)));
      } else if (now() - saidAt >= PLAIN_STATUS_EVERY_MS) {
        saidAt = now();
        print.note(text);
      }
    },
    end: () => {
      progress.end();
      rule();
    },
  };
}

function phaseLines(phase: DemoPhase): string[] {
  if (phase.phase === 'history') {
    return [
      `1  History: ${phase.days} days of ${plural(phase.keys, 'key')}, through the same path as live traffic.`,
    ];
  }
  const { history } = phase;
  return [
    ...(history === undefined
      ? []
      : [`${plural(history.events, 'use')} learned in ${span(history.seconds * 1000)}.`]),
    '2  Live: traffic goes on from there, and some keys are attacked.',
  ];
}

function statusLine(tick: DemoTick): string {
  return [
    ` ${when(toIso(tick.atMs))} UTC`,
    `${count(tick.eventsPerSecond)} events/s`,
    plural(tick.keys, 'key'),
    `${count(tick.openIncidents)} open ${tick.openIncidents === 1 ? 'incident' : 'incidents'}`,
  ].join('  │  ');
}

/** What matters most first: the rest may be cut. */
function shortStatus(tick: DemoTick): string {
  const time = when(toIso(tick.atMs)).slice(-'10:00:00'.length);
  return ` ${time}  ${count(tick.openIncidents)} open  ${count(tick.eventsPerSecond)} events/s`;
}
