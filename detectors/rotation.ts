/**
 * Catches keys past their rotation age, and retired keys that are still used.
 *
 * Idea: no statistics, the registry's dates. Due is what was made or rotated longer ago than its risk class allows;
 * it is announced before. Retired is a key whose place another entry took (`predecessor`), or whose life ended
 * (`scope.expiresAt`); after an overlap its use scores 7 (algorithms.md §9, fixed scores). Each is told once: what
 * was told stands in the state, for a key is used all day.
 * Fails: keys without dates in the registry; keys that are not used at all; a successor without `createdAt`.
 * Cost: a look-up an event of a registered key, else two comparisons; 6 bytes a subject.
 */
import { z } from 'zod';
import type { KeyEntry } from '../core/config.ts';
import type { ApiEvent } from '../core/event.ts';
import { datesOf, type KeyDates, retiredAt } from '../core/key-dates.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { span } from './words.ts';

const LAYOUT = {
  /** Days on which the rotation is due that was announced, and that was told to be overdue; 0 for none. */
  announced: 'u16',
  overdue: 'u16',
  /** Day on which use after retirement was told last; 0 for never. */
  retired: 'u16',
} as const;
type State = StateOf<typeof LAYOUT>;

export const rotationSettings = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  ageDays: z.number().min(1).default(90).describe('Rotation age, days.'),
  ageDaysHighRisk: z.number().min(1).default(30).describe('The same of keys of risk high, days.'),
  announceDays: z.number().min(0).default(7).describe('Told this long before it is due, days.'),
  overlapHours: z
    .number()
    .min(0)
    .default(24)
    .describe('A retired key may be used on for this long, hours.'),
  overlapHoursLowRisk: z
    .number()
    .min(0)
    .default(48)
    .describe('The same of keys of risk low, hours.'),
  againDays: z
    .int()
    .min(1)
    .default(7)
    .describe('The use of a retired key is told again after this long, days.'),
});
type Config = z.infer<typeof rotationSettings>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAY_MAX = 0xffff;
/** Age is no sign of abuse: below 5 it does not back what another family says. */
const SCORES = { none: 0, announced: 4, overdue: 4.5, retired: 7 } as const;

export const rotation = defineDetector<typeof LAYOUT, Config>({
  id: 'rotation',
  version: 1,
  family: 'credential',
  summary: 'key past its rotation age, or retired and still used',
  aloneMax: Number.POSITIVE_INFINITY,
  config: rotationSettings,
  layout: LAYOUT,
  usesPlaces: false,
  seesFailures: false,

  init(): void {},

  undeclared({ entry, successor }: Subject): string | undefined {
    if (successor !== undefined) return undefined;
    const { renewedAt, expiresAt } = entry === undefined ? NO_DATES : datesOf(entry);
    return Number.isFinite(Math.min(renewedAt, expiresAt)) ? undefined : 'no dates in the registry';
  },

  readyAt(subject: Subject): number {
    return subject.firstAt;
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    return SCORES[newsOf(state, event, subject, config)];
  },

  describe(state: State, event: ApiEvent, subject: Subject, config: Config): Evidence {
    const news = newsOf(state, event, subject, config);
    return news === 'retired'
      ? describeRetired(event, subject, config)
      : describeAge(news === 'overdue', event, subject, config);
  },

  learn(state: State, event: ApiEvent, subject: Subject, config: Config): void {
    const news = config.enabled ? newsOf(state, event, subject, config) : 'none';
    if (news === 'none') return;
    if (news === 'retired') {
      state.retired = dayOf(event.at);
      return;
    }
    state.announced = dayOf(dueAt(subject.entry, config));
    if (news === 'overdue') state.overdue = state.announced;
  },
});

/** What there is to tell at this use that was not told before. */
function newsOf(
  state: State,
  event: ApiEvent,
  { entry, successor }: Subject,
  config: Config,
): keyof typeof SCORES {
  if (entry === undefined && successor === undefined) return 'none';
  if (event.at >= retiredAt(entry, successor) + overlapMs(entry ?? successor, config)) {
    const day = dayOf(event.at);
    return state.retired === 0 || day - state.retired >= config.againDays ? 'retired' : 'none';
  }
  // What is replaced already, or ends before, needs no rotation.
  const due = dueAt(entry, config);
  if (successor !== undefined || retiredAt(entry, undefined) <= due) return 'none';
  if (event.at < due - config.announceDays * DAY_MS) return 'none';
  const day = dayOf(due);
  if (event.at >= due) return state.overdue === day ? 'none' : 'overdue';
  return state.announced === day ? 'none' : 'announced';
}

const NO_DATES: KeyDates = {
  createdAt: Number.POSITIVE_INFINITY,
  renewedAt: Number.POSITIVE_INFINITY,
  expiresAt: Number.POSITIVE_INFINITY,
};

function dueAt(entry: KeyEntry | undefined, config: Config): number {
  if (entry === undefined) return Number.POSITIVE_INFINITY;
  return datesOf(entry).renewedAt + ageDaysOf(entry, config) * DAY_MS;
}

function ageDaysOf(entry: KeyEntry, config: Config): number {
  return entry.risk === 'high' ? config.ageDaysHighRisk : config.ageDays;
}

/** A key that left the registry has the risk of the one that took its place. */
export function overlapMs(entry: KeyEntry | undefined, config: Config): number {
  return (entry?.risk === 'low' ? config.overlapHoursLowRisk : config.overlapHours) * HOUR_MS;
}

/** Days since 1970, 1 to 65,535: the year 2149. */
function dayOf(at: number): number {
  return Math.min(DAY_MAX, Math.max(1, Math.floor(at / DAY_MS)));
}

function describeAge(
  isOverdue: boolean,
  event: ApiEvent,
  { entry }: Subject,
  config: Config,
): Evidence {
  const { renewedAt } = datesOf(entry!);
  const days = ageDaysOf(entry!, config);
  const due = renewedAt + days * DAY_MS;
  const distance = span(Math.abs(event.at - due) / 1000);
  const verb = entry!.rotatedAt === undefined ? 'made' : 'rotated';
  return {
    fromAt: event.at,
    observed: { ageDays: Math.floor((event.at - renewedAt) / DAY_MS) },
    expected: { ageDays: days, dueOn: date(due), risk: entry!.risk },
    why:
      `${isOverdue ? `its rotation was due ${distance} ago` : `its rotation is due in ${distance}`}, on ` +
      `${date(due)}: it was ${verb} on ${date(renewedAt)}, and keys of ${entry!.risk} risk are renewed after ` +
      `${days} days`,
    parts: [{ name: isOverdue ? 'rotation overdue' : 'rotation due soon', score: 1 }],
  };
}

function describeRetired(event: ApiEvent, { entry, successor }: Subject, config: Config): Evidence {
  const endedAt = retiredAt(entry, successor);
  const overlap = overlapMs(entry ?? successor, config);
  const replaced = successor !== undefined && datesOf(successor).createdAt === endedAt;
  const how = replaced ? `${successor.label ?? successor.id} took its place` : 'its life ended';
  return {
    fromAt: event.at,
    observed: { usedAfterHours: Math.floor((event.at - endedAt) / HOUR_MS) },
    expected: {
      overlapHours: overlap / HOUR_MS,
      retiredAt: new Date(endedAt).toISOString(),
      ...(replaced ? { successor: successor.id } : {}),
    },
    why:
      `a retired key was used: ${how} on ${minute(endedAt)}, ${span((event.at - endedAt) / 1000)} ago, and its ` +
      `overlap was ${span(overlap / 1000)}`,
    parts: [{ name: 'used after its retirement', score: 1 }],
  };
}

/** `2026-03-02 12:00 UTC` */
function minute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function date(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
