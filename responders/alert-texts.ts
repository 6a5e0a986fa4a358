/**
 * What people are told, as alerts: pure functions from incidents, decisions, actions and reports.
 *
 * Others' words (sentences of detectors with paths and places, addresses of a report, errors of a gateway) stand in
 * `text`, in values of `facts` and behind the colon of a line; what was done and the command that takes it back are
 * our own. Channels escape all of it for their sink.
 *
 * A revision is the sum of the revisions of all that an alert is made of, so it grows with each of them: give all
 * decisions and actions, ended ones too.
 */
import { type Action, isHeld, isPutOff } from '../core/action.ts';
import type { Alert } from '../core/alert.ts';
import { type Decision, isLiftedByName, isOfReport } from '../core/decision.ts';
import type { Finding, Incident, Severity, SubjectName } from '../core/finding.ts';
import { isActing } from '../core/ladder.ts';
import type { LeakReport, ReportBrake } from '../core/report.ts';
import { doneLines, minute, PAST } from './done-lines.ts';

const SENTENCES_MAX = 5;
const TITLE_MAX = 160;
const PUBLIC = 'its key is public';
/** Detection tells the incident of a report soon after it, ms: both go in one message. */
const INCIDENT_MS = 3000;

export interface IncidentStory {
  readonly incident: Incident;
  /** Latest revisions, those that are known. */
  readonly findings: readonly Finding[];
  /** All of the incident and of its key meanwhile, ended ones too. */
  readonly decisions: readonly Decision[];
  /** All of those decisions. */
  readonly actions: readonly Action[];
  /** '' where nobody knows. */
  readonly consumer: string;
  /** Wall clock, epoch ms. */
  readonly nowMs: number;
}

/**
 * One alert an incident. Silenced, or explained by one of many keys, it is over as far as people are concerned. A
 * report of a leak of its key belongs to it: told as one, which is over when both are.
 */
export function incidentAlert(story: IncidentStory): Alert {
  const { incident, findings, decisions, actions, consumer, nowMs } = story;
  const { closedAt, silencedBy, partOf, severity, subject } = incident;
  const reports = decisions.filter(isOfReport);
  const isExplained = closedAt !== null || silencedBy !== undefined || partOf !== undefined;
  const isOver = isExplained && reports.every((one) => isDecisionOver(one, actions));
  const isProven = findings.some(({ detector }) => detector === 'leak');
  const proofs = isProven ? [] : reports.map(({ why }) => why);
  const sentences = [...proofs, ...sentencesOf(story)];
  const title = reports.length > 0 ? PUBLIC : shortened(sentences[0] ?? incident.why);
  return {
    id: incident.id,
    revision: revisionOf([incident, ...decisions, ...actions]),
    kind: 'incident',
    state: isOver ? 'resolved' : 'firing',
    severity: reports.length > 0 ? 'critical' : severity,
    subject,
    ...consumerOf(consumer),
    title: `${nameOf(subject)}: ${title}`,
    text: [...sentences.slice(0, SENTENCES_MAX), ...endOf(incident)].join('\n'),
    facts: [
      ...factsOf(story),
      ...reports.map(
        ({ actor, id }) => ['report', `${actor.replace(/^report:/, '')}, ${id}`] as const,
      ),
      ...decisions.flatMap(notDone),
      ...byHand(actions),
    ],
    done: doneLines(actions),
    ...undoOf(subject, actions, decisions),
    at: nowMs,
    ...(reports.length === 0 ? {} : { follows: reports.map(({ id }) => id) }),
  };
}

function isDecisionOver({ id, state }: Decision, actions: readonly Action[]): boolean {
  return state === 'ended' && !actions.some((one) => one.decision === id && isHeld(one));
}

export interface DecisionStory {
  /** By a person or a report: of no incident. */
  readonly decision: Decision;
  readonly actions: readonly Action[];
  readonly consumer: string;
  readonly nowMs: number;
}

/** What a person or a report had done, until it is taken back. */
export function decisionAlert({ decision, actions, consumer, nowMs }: DecisionStory): Alert {
  const { actor, decidedAt, id, rung, subject, why } = decision;
  const isOver = isDecisionOver(decision, actions);
  const isReport = isOfReport(decision);
  const who = actor.replace(/^person:/, '').replace(/^report:/, 'a report of ');
  return {
    id,
    revision: revisionOf([decision, ...actions]),
    kind: 'action',
    state: isOver ? 'resolved' : 'firing',
    severity: isReport ? 'critical' : 'medium',
    subject,
    ...consumerOf(consumer),
    title: `${nameOf(subject)}: ${isReport ? PUBLIC : `${PAST[rung]} by ${who}`}`,
    text: why,
    facts: [...keyFact(subject), ...notDone(decision), ...byHand(actions)],
    done: doneLines(actions),
    ...undoOf(subject, actions, [decision]),
    at: nowMs,
    ...(isReport ? { waitUntilAt: Date.parse(decidedAt) + INCIDENT_MS } : {}),
  };
}

/**
 * An alarm about an action itself: it does not contain, it failed, or somebody changed the key since. Over in every
 * other state, so it is made of every revision.
 */
export function actionAlarm(action: Action, consumer: string, nowMs: number): Alert {
  const { again, error, gateway, id, leak, revision, rung } = action;
  const { state, subject, verdict, wants } = action;
  const isOnItsWay = state === 'planned' || state === 'running';
  // What is taken up again has not come to hold yet: it is told once, not with each try.
  const isTriedAgain = again !== undefined && isOnItsWay;
  // Carried out anew, it still leaks as far as anybody has seen: no word of its end before the next verdict.
  const isSeenAnew = verdict === null && leak !== undefined;
  const isLeaking =
    (verdict === 'not-contained' || isSeenAnew) &&
    (state === 'done' || (isOnItsWay && !isTriedAgain)) &&
    wants === 'applied';
  const isRefused = state === 'undone' && action.undoVerdict === 'not-restored';
  const isFailed = state === 'failed' || isTriedAgain;
  const isAlarm = isLeaking || isRefused || isFailed || state === 'conflict';
  const name = nameOf(subject);
  const facts = [...keyFact(subject), ['gateway', gateway] as const, ...byHand([action])];
  const base = { id, revision, kind: 'action', subject, ...consumerOf(consumer) } as const;
  const rest = { facts, done: [], at: nowMs };
  const alarm = (severity: Severity, title: string, text: string): Alert => {
    return { ...base, state: isAlarm ? 'firing' : 'resolved', severity, title, text, ...rest };
  };
  if (isLeaking) {
    const through = leak === undefined ? '' : ` What still gets through: ${leak}.`;
    const what =
      isSeenAnew || isOnItsWay
        ? `Its requests were accepted at ${gateway} all the same. It is to be ${PAST[rung]} there, and looked at again.`
        : `It was ${PAST[rung]} at ${gateway}, and its requests are accepted all the same.`;
    const title = `NOT contained: ${name} still gets through at ${gateway}`;
    return alarm('critical', title, `${what}${through}`);
  }
  if (isRefused) {
    const title = `NOT restored: ${name} is still refused at ${gateway}`;
    return alarm('high', title, `It was taken back at ${gateway}, and no request is accepted.`);
  }
  if (isFailed) {
    const how = error === undefined ? '' : `: ${error}`;
    if (wants === 'undone') {
      const title = `${name} could not be taken back at ${gateway}`;
      return alarm('high', title, `It may still be ${PAST[rung]} there, and is tried on${how}`);
    }
    const title = `${name} could not be ${PAST[rung]} at ${gateway}`;
    const text = [`Nothing holds it at ${gateway}${how}`, ...triedAgain(action)].join('\n');
    return alarm('high', title, text);
  }
  if (state === 'conflict') {
    return alarm(
      'medium',
      `${name} was changed at ${gateway} by somebody else`,
      'It is left as it is: what a person does at the gateway wins.',
    );
  }
  return alarm(
    'high',
    `${name}: what was wrong at ${gateway} is over`,
    doneLines([action]).join('\n'),
  );
}

/** Whether people may leave it to Keyhound, and until when. */
function triedAgain({ again }: Action): string[] {
  if (again === undefined) return [];
  return [`It is tried again until ${minute(again.untilAt)}, as long as what was decided stands.`];
}

/** Somebody has to agree, or had to. */
export function approvalAlert(decision: Decision, consumer: string, nowMs: number): Alert {
  const { approvals = [], approvalsNeeded = 1, id, rung, state, subject, untilAt, why } = decision;
  const isWaiting = state === 'waiting' && (untilAt === null || Date.parse(untilAt) > nowMs);
  const missing = approvalsNeeded - approvals.length;
  const people = missing === 1 ? 'a person' : `${missing} people`;
  const given = approvals.map(({ by }) => by).join(', ');
  return {
    id: `${id}.approval`,
    revision: decision.revision + (isWaiting ? 0 : 1),
    kind: 'approval',
    state: isWaiting ? 'firing' : 'resolved',
    severity: 'high',
    subject,
    ...consumerOf(consumer),
    title: isWaiting
      ? `${nameOf(subject)} is to be ${PAST[rung]}: ${people} must agree`
      : `${nameOf(subject)}: ${outcomeOf(decision)}`,
    text: why,
    facts: [
      ...keyFact(subject),
      ...(given === '' ? [] : [['agreed', given] as const]),
      ...(isWaiting && untilAt !== null ? [['until', minute(untilAt)] as const] : []),
      ...(isWaiting ? [['agree', `keyhound approve ${id}`] as const] : []),
      ...(isWaiting ? [['refuse', `keyhound deny ${id} --reason "…"`] as const] : []),
    ],
    done: [],
    at: nowMs,
  };
}

const HELD: Readonly<Record<ReportBrake, string>> = {
  public: 'it is registered as public, so that is no news',
  consumer: 'this sender may not report keys of its consumer',
  'hourly-cap': 'this sender has reported as many keys as it may in an hour',
};
const HELD_SEVERITY: Readonly<Record<ReportBrake, Severity>> = {
  public: 'low',
  consumer: 'medium',
  'hourly-cap': 'high',
};

/** A verified report that nothing is done about. One alert a sender, key and reason, however often it comes. */
export function heldReportAlert(
  report: LeakReport,
  brake: ReportBrake,
  subject: SubjectName,
  consumer: string,
): Alert {
  const { at, deliveryId, sender, source, url } = report;
  return {
    id: `leak.${sender}.${brake}.${report.subjectId}`,
    revision: at,
    kind: 'action',
    state: 'firing',
    severity: HELD_SEVERITY[brake],
    subject,
    ...consumerOf(consumer),
    title: `${nameOf(subject)} was reported as leaked, and nothing was done`,
    text: `${sender} sent the key itself in a signed report. Nothing was done: ${HELD[brake]}.`,
    facts: [
      ...keyFact(subject),
      ['report', `${sender} ${deliveryId}`],
      ...(url === undefined ? [] : [['found at', url] as const]),
      ...(source === undefined ? [] : [['source', source] as const]),
    ],
    done: [],
    at,
  };
}

export type HealthFacts = Pick<Alert, 'id' | 'state' | 'severity' | 'title' | 'text' | 'at'>;

/** About Keyhound itself. */
export function healthAlert(said: HealthFacts, facts: Alert['facts'] = []): Alert {
  return { ...said, revision: said.at, kind: 'health', facts, done: [] };
}

/** `checkout (kong:7f2d)`, or the id. */
function nameOf({ id, label }: SubjectName): string {
  return label ?? id;
}

function keyFact({ id, kind }: SubjectName): Alert['facts'] {
  return [[kind, id]];
}

function consumerOf(consumer: string): { consumer?: string } {
  return consumer === '' ? {} : { consumer };
}

function revisionOf(parts: readonly { readonly revision: number }[]): number {
  return parts.reduce((sum, { revision }) => sum + revision, 0);
}

function sentencesOf({ findings, incident }: IncidentStory): string[] {
  const known = new Set(incident.findings);
  const own = findings.filter(({ id, silencedBy }) => known.has(id) && silencedBy === undefined);
  const told = [...own].sort((a, b) => b.score - a.score).map(({ why }) => sentence(why));
  if (told.length === 0) return [incident.why];
  const moved = 'It looks like a move: its former networks fell quiet as the new one began.';
  return incident.migration === true ? [...told, moved] : told;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function shortened(text: string): string {
  return text.length <= TITLE_MAX ? text : `${text.slice(0, TITLE_MAX - 1).toWellFormed()}…`;
}

function endOf({
  closedAs,
  closedAt,
  closedBy,
  closedReason,
  partOf,
  silencedBy,
}: Incident): string[] {
  if (closedAs !== undefined) {
    const reason = closedReason === undefined || closedReason === '' ? '' : `: ${closedReason}`;
    return [`Closed as ${closedAs} by ${closedBy ?? 'somebody'}${reason}`];
  }
  if (partOf !== undefined) return [`Many keys deviate together: part of ${partOf}.`];
  if (silencedBy !== undefined) return [`Silenced by ${silencedBy}.`];
  return closedAt === null ? [] : [`Nothing more since: closed at ${minute(closedAt)}.`];
}

function factsOf({ consumer, findings, incident }: IncidentStory): Alert['facts'] {
  const { id, key, openedAt, risk, severity, subject, uses = [] } = incident;
  const known = new Set(incident.findings);
  const detectors = [...new Set(findings.filter((f) => known.has(f.id)).map((f) => f.detector))];
  const usual =
    key === undefined
      ? []
      : [
          [
            'usual',
            `${count(key.usualPerHour)} an hour now, ${count(key.busyPerHour)} in a busy one`,
          ] as const,
        ];
  return [
    ...keyFact(subject),
    ...(consumer === '' || subject.kind === 'consumer' ? [] : [['consumer', consumer] as const]),
    ['risk', `${risk} (${severity})`],
    ['since', minute(openedAt)],
    ...(detectors.length === 0 ? [] : [['found by', detectors.join(', ')] as const]),
    ...usual,
    ...uses.slice(0, 3).map(({ client, events, place, route }) => {
      const from = [route, place, client].filter((part) => part !== '').join(' · ');
      return ['use', `${count(events)} × ${from}`] as const;
    }),
    ['details', `keyhound incidents show ${id}`],
  ];
}

/** What policy would have done, or what keeps it from it. */
function notDone({ heldBy, id, mode, rung, state, why }: Decision): Alert['facts'] {
  if (!isActing(rung)) return heldBy === undefined ? [] : [['held', why]];
  if (state === 'waiting') return [['waits', `to be ${PAST[rung]}: keyhound approve ${id}`]];
  if (state === 'held') return [['held', `not ${PAST[rung]}, because of ${heldBy ?? 'a brake'}`]];
  if (state === 'noted' && mode === 'observe') {
    return [['policy', `would have had it ${PAST[rung]}; it only observes`]];
  }
  return [];
}

/** What did not work, and the literal calls that undo without Keyhound what did. */
function byHand(actions: readonly Action[]): Alert['facts'] {
  return actions.flatMap((action): Alert['facts'] => {
    const { error, gateway, rung, state, undo, wants } = action;
    if (state === 'failed' && wants === 'applied') {
      const again = isPutOff(action) ? ', and is tried again' : '';
      const how = `${again}${error === undefined ? '' : `: ${error}`}`;
      return [[`failed at ${gateway}`, `could not be ${PAST[rung]}${how}`]];
    }
    const holds = undo !== '' && state === 'done' && wants === 'applied';
    return holds ? [[`undo at ${gateway}`, undo]] : [];
  });
}

/** The whole command, as it works: what is lifted by name only is named. */
function undoOf(
  { id, kind }: SubjectName,
  actions: readonly Action[],
  decisions: readonly Decision[],
): { undo?: string } {
  const holding = actions.filter(({ state, wants }) => wants === 'applied' && state === 'done');
  if (kind !== 'key' || holding.length === 0) return {};
  const ids = new Set(holding.map(({ decision }) => decision));
  const named = decisions.find((one) => ids.has(one.id) && isLiftedByName(one));
  const which = named === undefined ? '' : ` --decision ${named.id}`;
  return { undo: `keyhound restore ${quoted(id)}${which} --reason "…" --yes` };
}

/** As one word of a shell. */
function quoted(id: string): string {
  return /^[\w:.@/-]+$/.test(id) ? id : `'${id.replaceAll("'", `'\\''`)}'`;
}

function outcomeOf({ approvals = [], endedAs, endedBy, rung, state }: Decision): string {
  const people = approvals.map(({ by }) => by).join(' and ');
  if (state === 'standing')
    return `${PAST[rung]}, as ${people === '' ? 'somebody' : people} agreed`;
  if (endedAs === 'denied') return `not ${PAST[rung]}: ${endedBy ?? 'somebody'} refused`;
  return `not ${PAST[rung]}: nobody agreed in time`;
}

function count(value: number): string {
  return value.toLocaleString('en-GB', { maximumFractionDigits: value < 10 ? 1 : 0 });
}
