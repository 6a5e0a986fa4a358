/** Silences, the allowlist and the closing of incidents: from what people ask for to control records. */
import { randomBytes } from 'node:crypto';
import { type Clock, toIso, toIsoOrNull } from '../core/clock.ts';
import {
  type CloseRequest,
  type Closing,
  REMEMBERED_MS,
  type RemovalRequest,
  RULES_MAX,
  type Rule,
  type RuleKind,
  type RuleLine,
  type RuleRequest,
} from '../core/control.ts';
import { KeyhoundError } from '../core/errors.ts';
import { aboutOf, type Incident } from '../core/finding.ts';
import type { ControlRecord } from '../core/store.ts';
import { suggest } from '../core/suggest.ts';
import { ALL_DETECTORS } from '../detectors/list.ts';
import { networksIn } from '../enrich/network-range.ts';
import type { IncidentDetail } from './contract.ts';
import type { IncidentData } from './incident-data.ts';
import type { Session } from './session.ts';

/** Runs a change between two events, and answers when it is durable. */
export type Commit = <T>(change: () => T | Promise<T>) => Promise<T>;

export interface SteeringData {
  /** Those that hold now, in the order in which they were made. */
  rules(kind: RuleKind): Promise<readonly RuleLine[]>;
  addRule(request: RuleRequest): Promise<RuleLine>;
  /** Undefined when there is no such rule. */
  removeRule(request: RemovalRequest): Promise<RuleLine | undefined>;
  /** Undefined when there is no such incident. */
  closeIncident(id: string, request: CloseRequest): Promise<IncidentDetail | undefined>;
}

/** What is steered: one engine, or many. */
export interface Steered {
  readonly clock: Clock;
  /** Those that were made and not removed, in that order; some may have ended. */
  rules(): readonly Rule[] | Promise<readonly Rule[]>;
  /** Latest event time; undefined before the first event. */
  lastAt(): number | undefined | Promise<number | undefined>;
  /** Key group of an incident's subject, where several engines share them. */
  groupOf?(incident: Incident): number | undefined;
  control(kind: ControlRecord['kind'], body: ControlRecord['body']): void | Promise<void>;
}

/** A session with its engine. */
export function steeredOf({ engine, clock, control }: SteeredSession): Steered {
  return {
    clock,
    rules: () => engine.steering.rules.all(),
    lastAt: () => engine.stats().lastAt,
    control,
  };
}

type SteeredSession = Pick<Session, 'engine' | 'control' | 'clock'>;

export function createSteeringData(
  steered: Steered,
  incidents: IncidentData,
  commit: Commit,
): SteeringData {
  /** Rules end by event time, and people count from now: whichever is later. */
  const now = async (): Promise<number> =>
    Math.max((await steered.lastAt()) ?? 0, steered.clock.now());

  const held = async (at: number): Promise<Rule[]> => {
    const rules = await steered.rules();
    return rules.filter(({ untilAt }) => untilAt === null || untilAt > at);
  };

  return {
    async rules(kind) {
      const holding = await held(await now());
      return holding.filter((rule) => rule.kind === kind).map(lineOf);
    },
    addRule: (request) =>
      commit(async () => {
        const rule = ruleOf(request, await now());
        if ((await held(rule.fromAt)).length >= RULES_MAX) throw tooMany();
        await steered.control(rule.kind, { change: 'add', rule });
        return lineOf(rule);
      }),
    removeRule: ({ kind, id, by, reason }) =>
      commit(async () => {
        const rule = (await steered.rules()).find((other) => other.id === id);
        if (rule?.kind !== kind) return undefined;
        await steered.control(kind, { change: 'remove', id, by, reason });
        return lineOf(rule);
      }),
    async closeIncident(id, request) {
      await commit(async () => {
        const detail = await incidents.incident(id);
        if (detail === undefined || detail.incident.closedAs === request.as) return;
        await steered.control('close', { ...(await closingOf(detail, request, steered)) });
      });
      return incidents.incident(id);
    },
  };
}

function ruleOf(request: RuleRequest, now: number): Rule {
  const { kind, forMs, by, reason, subject, label, consumer, detector, place } = request;
  const criteria = [subject, label, consumer, detector, place].filter((one) => one !== undefined);
  if (criteria.length === 0) throw tooWide();
  if (detector !== undefined) checkDetector(detector);
  return {
    id: `${kind === 'silence' ? 'sil' : 'alw'}_${randomBytes(10).toString('hex')}`,
    kind,
    ...(subject === undefined ? {} : { subject }),
    ...(label === undefined ? {} : { label }),
    ...(consumer === undefined ? {} : { consumer }),
    ...(detector === undefined ? {} : { detector }),
    ...(place === undefined ? {} : placeOf(place)),
    fromAt: now,
    untilAt: forMs === undefined ? null : now + forMs,
    by,
    reason,
  };
}

function placeOf(text: string): Pick<Rule, 'place' | 'networks'> {
  if (/^[a-z]{2}$/i.test(text)) return { place: text.toUpperCase() };
  const networks = networksIn(text);
  if (networks !== undefined) return { place: text, networks };
  throw new KeyhoundError('usage', `place: "${text}" is no country and no network`, {
    code: 'place-unknown',
    hint: 'Two letters of ISO 3166, e.g. DE, or CIDR, e.g. 198.51.100.0/24 or 2001:db8::/64.',
  });
}

function checkDetector(id: string): void {
  const ids = ALL_DETECTORS.map((detector) => detector.id);
  if (ids.includes(id)) return;
  const near = suggest(id, ids);
  throw new KeyhoundError('usage', `there is no detector "${id}"`, {
    code: 'detector-unknown',
    hint: near === undefined ? `Detectors: ${ids.join(', ')}.` : `Did you mean ${near}?`,
  });
}

async function closingOf(
  { incident, findings }: IncidentDetail,
  { as, by, reason, forMs = REMEMBERED_MS }: CloseRequest,
  steered: Steered,
): Promise<Closing> {
  const evidence = findings.map((finding) => ({
    detector: finding.detector,
    about: aboutOf(finding),
    score: finding.score,
  }));
  const untilAt = ((await steered.lastAt()) ?? steered.clock.now()) + forMs;
  const group = steered.groupOf?.(incident);
  const closing = { as, by, reason, incident, evidence, untilAt };
  return group === undefined ? closing : { ...closing, group };
}

function lineOf({ kind, networks: _, fromAt, untilAt, ...rule }: Rule): RuleLine {
  return {
    type: kind,
    ...rule,
    fromAt: toIso(fromAt),
    untilAt: toIsoOrNull(untilAt ?? undefined),
  };
}

function tooWide(): KeyhoundError {
  return new KeyhoundError('usage', 'it would cover everything', {
    code: 'rule-too-wide',
    hint: 'Say what it is for: a subject, a label, a consumer, a detector or a place.',
  });
}

function tooMany(): KeyhoundError {
  return new KeyhoundError('usage', `there are ${RULES_MAX} silences and allowances already`, {
    code: 'rules-full',
    hint: 'Remove some, or name a consumer, a label or a place instead of single keys.',
  });
}
