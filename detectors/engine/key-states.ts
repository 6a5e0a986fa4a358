/** What `keys` shows: every key with a record, and how far each detector may be trusted with it. */
import { toIso } from '../../core/clock.ts';
import { KEY_GROUPS, type KeyIdentity } from '../../core/event.ts';
import type { Facts, KeyFacts } from '../../core/finding.ts';
import type { Coverage, KeyState, Readiness } from './contract.ts';
import type { DetectionEngine } from './engine.ts';
import { keyFacts } from './key-facts.ts';
import type { KeyGroup } from './key-group.ts';
import { likelyPredecessor } from './likely-predecessor.ts';
import { readinessOf } from './readiness.ts';

const DAY_MS = 86_400_000;

export interface KeyStatesOptions {
  readonly limit: number;
  /** Begin of the id. */
  readonly prefix?: string;
  readonly consumer?: string;
  /** Only keys used at or after this instant, epoch ms. */
  readonly sinceAt?: number;
}

export function keyStates(
  engine: DetectionEngine,
  options: KeyStatesOptions,
  coverage: Coverage = {},
): KeyState[] {
  const { prefix = '', consumer, sinceAt } = options;
  const found: { id: string; group: KeyGroup; slot: number }[] = [];
  for (const group of engine.groups) {
    for (let slot = 1; slot < group.slab.end; slot++) {
      const id = group.ids[slot]!;
      if (id === '' || !id.startsWith(prefix)) continue;
      if (consumer !== undefined && group.consumerOf(slot) !== consumer) continue;
      if (sinceAt !== undefined && lastAtOf(engine, group, slot) < sinceAt) continue;
      found.push({ id, group, slot });
    }
  }
  found.sort((a, b) => (a.id < b.id ? -1 : 1));
  return found
    .slice(0, options.limit)
    .map(({ group, slot }) => stateAt(engine, group, slot, coverage));
}

export function keyStateOf(
  engine: DetectionEngine,
  id: string,
  coverage: Coverage = {},
): KeyState | undefined {
  for (const group of engine.groups) {
    const slot = group.ids.indexOf(id, 1);
    if (slot <= 0) continue;
    const likely = likelyPredecessor(engine, group, slot);
    const state = stateAt(engine, group, slot, coverage);
    if (likely === undefined) return state;
    return { ...state, likelyPredecessor: { id: likely.id, lastAt: toIso(likely.lastAt) } };
  }
  return undefined;
}

/** As they stand now; undefined of a key without a record. */
export function factsOf(
  { groups, judge }: DetectionEngine,
  key: KeyIdentity,
): KeyFacts | undefined {
  const group = groups[key.digest0 & (KEY_GROUPS - 1)]!;
  const slot = group.slab.find(key);
  if (slot <= 0) return undefined;
  group.bring(judge, slot);
  const { second } = judge.rate.state;
  judge.face(second);
  return keyFacts(judge, second, [], undefined, group.consumerOf(slot));
}

/**
 * The end of the last day on which it was under suspicion, else its first use, epoch ms; undefined while it is under
 * suspicion, and of a key without a record.
 */
export function cleanSinceAt(
  { groups, judge }: DetectionEngine,
  key: KeyIdentity,
): number | undefined {
  const group = groups[key.digest0 & (KEY_GROUPS - 1)]!;
  const slot = group.slab.find(key);
  if (slot <= 0) return undefined;
  group.bring(judge, slot);
  const { firstAt, suspectDay, suspectSecond } = judge.header;
  if (suspectSecond !== 0) return undefined;
  return suspectDay === 0 ? firstAt : (suspectDay + 1) * DAY_MS;
}

/** As the log or the registry names it. */
export function consumerNameOf({ groups }: DetectionEngine, key: KeyIdentity): string | undefined {
  const group = groups[key.digest0 & (KEY_GROUPS - 1)]!;
  const slot = group.slab.find(key);
  return slot <= 0 ? undefined : group.consumerOf(slot) || undefined;
}

function lastAtOf({ judge }: DetectionEngine, group: KeyGroup, slot: number): number {
  group.bring(judge, slot);
  return judge.header.lastAt;
}

function stateAt(
  engine: DetectionEngine,
  group: KeyGroup,
  slot: number,
  coverage: Coverage,
): KeyState {
  const { judge } = engine;
  group.bring(judge, slot);
  judge.face(judge.rate.state.second);
  const { header } = judge;
  const source = coverage.healthOf?.(engine.streams.sourceNames[header.source] ?? '');
  const readiness: Record<string, Readiness> = {};
  const learned: Record<string, Facts> = {};
  for (const seat of judge.seats) {
    const { state, sinceAt, untilAt, why } = readinessOf(judge, seat, coverage, source);
    readiness[seat.detector.id] = {
      state,
      since: toIso(sinceAt),
      ...(untilAt === undefined ? {} : { until: toIso(untilAt) }),
      ...(why === undefined ? {} : { why }),
    };
    const facts = seat.detector.learned?.(seat.state, judge.subject);
    if (facts !== undefined && state !== 'unprotected') learned[seat.detector.id] = facts;
  }
  const id = group.ids[slot]!;
  const entry = group.declared[slot]?.entry;
  const consumer = group.consumerOf(slot);
  return {
    id,
    ...(entry?.label === undefined ? {} : { label: entry.label }),
    ...(consumer === '' ? {} : { consumer }),
    firstAt: toIso(header.firstAt),
    lastAt: toIso(header.lastAt),
    events: header.events,
    readiness,
    learned,
  };
}
