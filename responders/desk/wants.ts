/** What policy wants for one case: which rung at once, which once others could have shown the same, which of people. */

import type { DecisionMode } from '../../core/decision.ts';
import type { Finding } from '../../core/finding.ts';
import {
  ACTING_RUNGS,
  type ActingRung,
  compareRungs,
  isActing,
  milder,
  type Rung,
} from '../../core/ladder.ts';
import type { Board } from '../brakes/board.ts';
import type { Brake, BrakeName, Doubt } from '../brakes/brake.ts';
import { BRAKES } from '../brakes/list.ts';
import type { PolicyRule } from '../policy.ts';
import { ruleFor } from '../policy-match.ts';
import { type Case, openedAt, type Scene } from './case.ts';
import { type Weighed, weigh } from './evidence.ts';

export interface Want {
  readonly rung: Rung;
  readonly mode: DecisionMode;
  readonly rule: PolicyRule;
  /** What the rule said, where it is more than the rung. */
  readonly wanted?: Rung;
  readonly evidence: Weighed;
  readonly doubts: readonly Doubt[];
  /** People who have to approve it; with mode `approval`. */
  readonly people?: number;
}

export interface Wants {
  /** At once. */
  readonly stand?: Want | undefined;
  /** Milder ones that are switched on, strictest first, for when a brake holds that. */
  readonly instead?: readonly Want[];
  /** Higher than `stand`, and waits for other keys. */
  readonly later?: Want | undefined;
  /** Higher than both, and waits for people. */
  readonly ask?: Want | undefined;
  /** To be shown: what is only told, or would have been done. */
  readonly note?: Want | undefined;
  /** When to judge again though nothing new is told, epoch ms. */
  readonly againMs?: number | undefined;
  /** Findings that are explained, and by which brake: what stands on nothing else ends. */
  readonly explained: ReadonlyMap<string, BrakeName>;
}

/** Detectors whose evidence departs from the profile of the key, so that `contain` keeps it out. */
const DEPARTING: readonly string[] = ['new-place', 'impossible-travel', 'spread', 'endpoint'];

/** Evidence for which a key was suspended, for the whole time that this lasts. */
export interface Served {
  readonly risk: number;
  readonly findings: ReadonlySet<string>;
}

/** Evidence up to this much above what was served for is the same. */
const SERVED_FACTOR = 1.25;
/** What follows a suspension: the thief stays out where that can be told, the owner works on. */
const AFTER_SUSPENSION: Rung = 'contain';

/** `repeats`: decisions of the same key that had their time of late. */
export function judge(
  told: Case,
  scene: Scene,
  board: Board,
  repeats: number,
  served: readonly Served[] = [],
): Wants {
  const sorted = sortFindings(told, scene, board);
  const { usable, waiting, doubts, explained } = sorted;
  const atOnce = usable.filter((finding) => !waiting.has(finding.id));
  const capsOf = (findings: readonly Finding[]): Caps =>
    allCaps({ ...told, findings }, scene, board);
  const raise = (rung: Rung) => stepUp(rung, repeats, scene);
  const choose = (findings: readonly Finding[]): Choice =>
    choice({ told, scene, findings, raise, served, max: capsOf(findings).max });
  const now = choose(atOnce);
  const later = waiting.size === 0 ? now : choose(usable);
  const all = [...doubts, ...capsOf(usable).doubts];
  const whole = ruleFor(scene.holder.policy, told, weigh(told.incident, told.findings));
  const most = whole === undefined ? undefined : raise(whole.rung);
  const finish = (part: Part | undefined, more: readonly Doubt[] = []): Want | undefined =>
    part === undefined ? undefined : wantOf(part, most, [...more, ...all]);
  const waits: Doubt[] = [...waiting.values()].map(({ why }) => ({ brake: 'fleet', why }));
  const isMore = (part: Part | undefined, than: Part | undefined): boolean =>
    part !== undefined && (than === undefined || compareRungs(part.rung, than.rung) > 0);
  return {
    stand: finish(now.auto),
    instead: (now.instead ?? []).map((part) => finish(part)!),
    later: isMore(later.auto, now.auto) ? finish(later.auto, waits.slice(0, 1)) : undefined,
    ask: finish(now.ask),
    note: isMore(later.auto, now.auto) ? undefined : finish(noteOf(now, whole, told, most)),
    againMs:
      waiting.size === 0 ? undefined : Math.min(...[...waiting.values()].map((w) => w.untilMs)),
    explained,
  };
}

interface Caps {
  readonly max: Rung | undefined;
  readonly doubts: readonly Doubt[];
}

/** Of all brakes the mildest. */
function allCaps(told: Case, scene: Scene, board: Board): Caps {
  let max: Rung | undefined;
  const doubts: Doubt[] = [];
  for (const brake of BRAKES) {
    const cap = brake.caps?.(told, scene, board);
    if (cap === undefined) continue;
    max = max === undefined ? cap.max : milder(max, cap.max);
    doubts.push({ brake: brake.id, why: cap.why });
  }
  return { max, doubts };
}

interface Sorted {
  readonly usable: readonly Finding[];
  readonly waiting: ReadonlyMap<string, { readonly untilMs: number; readonly why: string }>;
  readonly doubts: readonly Doubt[];
  readonly explained: ReadonlyMap<string, BrakeName>;
}

interface Dropped {
  readonly brake: Brake;
  readonly why: string;
}

function sortFindings(told: Case, scene: Scene, board: Board): Sorted {
  const usable: Finding[] = [];
  const waiting = new Map<string, { readonly untilMs: number; readonly why: string }>();
  const doubts = new Map<string, Doubt>();
  const explained = new Map<string, BrakeName>();
  const isDropped = (finding: Finding): Dropped | undefined => {
    for (const brake of BRAKES) {
      const why = brake.drops?.(finding, told, scene, board);
      if (why !== undefined) return { brake, why };
    }
    return undefined;
  };
  for (const finding of told.findings) {
    const dropped = isDropped(finding);
    if (dropped === undefined) {
      usable.push(finding);
      continue;
    }
    const { brake, why } = dropped;
    if (!doubts.has(brake.id)) doubts.set(brake.id, { brake: brake.id, why });
    if (brake.explains === true) explained.set(finding.id, brake.id);
  }
  // What is dropped backs nothing.
  const rest = { ...told, findings: usable };
  for (const finding of usable) {
    for (const brake of BRAKES) {
      const wait = brake.waits?.(finding, rest, scene, board);
      if (wait !== undefined) waiting.set(finding.id, wait);
    }
  }
  return { usable, waiting, doubts: [...doubts.values()], explained };
}

/** Part of a choice: a rung with what it rests on. */
interface Part {
  readonly rung: Rung;
  readonly mode: DecisionMode;
  readonly rule: PolicyRule;
  readonly evidence: Weighed;
  readonly people?: number;
  readonly doubt?: Doubt;
}

interface Choice {
  /** What the rule says, brakes and repetition included. */
  readonly target: Rung;
  readonly rule: PolicyRule | undefined;
  readonly evidence: Weighed;
  readonly auto?: Part | undefined;
  /** Milder ones, strictest first. */
  readonly instead?: readonly Part[];
  readonly ask?: Part;
}

interface Question {
  readonly told: Case;
  readonly scene: Scene;
  readonly findings: readonly Finding[];
  readonly raise: (rung: Rung) => Rung;
  readonly served: readonly Served[];
  readonly max: Rung | undefined;
}

function choice(asked: Question): Choice {
  const { told, scene, findings, raise } = asked;
  const evidence = weigh(told.incident, findings);
  const question = { ...asked, max: highestOf(asked, evidence) };
  const { max } = question;
  const rule = ruleFor(scene.holder.policy, told, evidence);
  if (rule === undefined) return { target: 'observe', rule, evidence };
  const raised = raise(rule.rung);
  const target = max === undefined ? raised : milder(raised, max);
  const people = peopleFor(told);
  const autos: Part[] = [];
  let ask: Part | undefined;
  for (const rung of rungsDown(target)) {
    const part = partFor(rung, question);
    if (part === undefined) continue;
    if (part.mode === 'automatic' && people === undefined) {
      autos.push(part);
      continue;
    }
    if (autos.length > 0) continue;
    const waiting: Part = { ...part, mode: 'approval', people: people ?? 1 };
    ask ??= people === undefined ? waiting : { ...waiting, doubt: PROTECTED };
  }
  return {
    target,
    rule,
    evidence,
    auto: autos[0],
    instead: autos.slice(1),
    ...(ask === undefined ? {} : { ask }),
  };
}

/** The same evidence does not suspend a second time. */
function highestOf({ max, served }: Question, evidence: Weighed): Rung | undefined {
  const isServed = served.some(
    ({ risk, findings }) =>
      evidence.risk <= risk * SERVED_FACTOR && evidence.findings.every((id) => findings.has(id)),
  );
  if (!isServed) return max;
  return max === undefined ? AFTER_SUSPENSION : milder(max, AFTER_SUSPENSION);
}

const PROTECTED: Doubt = {
  brake: 'protected',
  why: 'the key is protected: two people have to agree',
};

function peopleFor({ incident, entry }: Case): number | undefined {
  return firstOf((brake) => brake.people?.({ subjectId: incident.subject.id, entry }))?.answer;
}

/** The rung for this key on evidence that is newer than its switch and than its rule; undefined where it is off. */
function partFor(rung: ActingRung, question: Question): Part | undefined {
  const { told, scene, findings, raise, max } = question;
  const { id } = told.incident.subject;
  const { mode, sinceAt } = scene.holder.setting(rung, id);
  if (mode === 'off') return undefined;
  let fresh = findings.filter((finding) => openedAt(finding) > sinceAt);
  const ruleOf = (): PolicyRule | undefined =>
    ruleFor(scene.holder.policy, told, weigh(told.incident, fresh));
  let rule = ruleOf();
  if (rule === undefined) return undefined;
  const ruleSince = scene.holder.ruleSince(rule);
  if (fresh.some((finding) => openedAt(finding) <= ruleSince)) {
    fresh = fresh.filter((finding) => openedAt(finding) > ruleSince);
    if (ruleOf() !== rule) return undefined;
    rule = ruleOf()!;
  }
  const reach = max === undefined ? raise(rule.rung) : milder(raise(rule.rung), max);
  if (compareRungs(reach, rung) < 0 || !isPossible(rung, told, scene, fresh)) return undefined;
  return { rung, mode, rule, evidence: weigh(told.incident, fresh) };
}

function isPossible(
  rung: ActingRung,
  { incident }: Case,
  { env }: Scene,
  findings: readonly Finding[],
): boolean {
  const { id } = incident.subject;
  if (!env.rungsOf(id).has(rung)) return false;
  if (rung !== 'contain') return true;
  return (
    env.asksPerRequest(id) &&
    findings.some(({ detector }) => DEPARTING.includes(detector)) &&
    (incident.key?.profile ?? env.profileOf?.(incident.id)) !== undefined
  );
}

/** What is shown where the rung that is wanted is not taken. */
function noteOf(
  now: Choice,
  whole: PolicyRule | undefined,
  told: Case,
  most: Rung | undefined,
): Part | undefined {
  const { target, rule, evidence, auto, ask } = now;
  if (auto !== undefined || ask !== undefined) return undefined;
  if (rule !== undefined && isActing(target))
    return { rung: target, mode: 'observe', rule, evidence };
  if (rule !== undefined && target !== 'observe')
    return { rung: target, mode: 'automatic', rule, evidence };
  // All of it is doubted: people are told, no more.
  if (whole === undefined || most === undefined || most === 'observe') return undefined;
  const all = weigh(told.incident, told.findings);
  return { rung: milder(most, 'alert'), mode: 'automatic', rule: whole, evidence: all };
}

function wantOf(part: Part, most: Rung | undefined, doubts: readonly Doubt[]): Want {
  const { rung, mode, rule, evidence, people, doubt } = part;
  const isLess = most !== undefined && compareRungs(rung, most) < 0;
  return {
    rung,
    mode,
    rule,
    evidence,
    ...(isLess ? { wanted: most } : {}),
    ...(people === undefined ? {} : { people }),
    doubts: [...(doubt === undefined ? [] : [doubt]), ...doubts],
  };
}

function rungsDown(from: Rung): ActingRung[] {
  return ACTING_RUNGS.filter((rung) => compareRungs(rung, from) <= 0).reverse();
}

/** One rung higher for a key that does it again and again. */
function stepUp(rung: Rung, repeats: number, { holder }: Scene): Rung {
  const { stepUpAfter, highest } = holder.policy.repeat;
  if (!isActing(rung) || stepUpAfter === 0 || repeats < stepUpAfter) return rung;
  if (compareRungs(rung, highest) >= 0) return rung;
  return ACTING_RUNGS[ACTING_RUNGS.indexOf(rung) + 1]!;
}

function firstOf<T>(
  ask: (brake: (typeof BRAKES)[number]) => T | undefined,
): { readonly id: Doubt['brake']; readonly answer: T } | undefined {
  for (const brake of BRAKES) {
    const answer = ask(brake);
    if (answer !== undefined) return { id: brake.id, answer };
  }
  return undefined;
}
