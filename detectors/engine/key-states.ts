/** What `keys` shows: every key with a record, and how far each detector may be trusted with it. */
import { toIso } from '../../core/clock.ts';
import type { KeyState, Readiness } from './contract.ts';
import type { DetectionEngine } from './engine.ts';
import type { KeyGroup } from './key-group.ts';

export interface KeyStatesOptions {
  readonly limit: number;
  /** Begin of the id. */
  readonly prefix?: string;
  readonly consumer?: string;
  /** Only keys used at or after this instant, epoch ms. */
  readonly sinceAt?: number;
}

export function keyStates(engine: DetectionEngine, options: KeyStatesOptions): KeyState[] {
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
  return found.slice(0, options.limit).map(({ group, slot }) => stateAt(engine, group, slot));
}

export function keyStateOf(engine: DetectionEngine, id: string): KeyState | undefined {
  for (const group of engine.groups) {
    const slot = group.ids.indexOf(id, 1);
    if (slot > 0) return stateAt(engine, group, slot);
  }
  return undefined;
}

function lastAtOf({ judge }: DetectionEngine, group: KeyGroup, slot: number): number {
  group.bring(judge, slot);
  return judge.header.lastAt;
}

function stateAt(engine: DetectionEngine, group: KeyGroup, slot: number): KeyState {
  const { judge } = engine;
  group.bring(judge, slot);
  judge.face(judge.rate.state.second);
  const { header } = judge;
  const readiness: Record<string, Readiness> = {};
  for (const { detector, settings } of judge.seats) {
    const since = toIso(header.firstAt);
    if (!settings.enabled) {
      readiness[detector.id] = { state: 'unprotected', since, why: 'switched off' };
      continue;
    }
    const readyAt = detector.readyAt(judge.subject, settings);
    readiness[detector.id] =
      header.lastAt >= readyAt
        ? { state: 'ready', since: toIso(readyAt) }
        : { state: 'learning', since, until: toIso(readyAt) };
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
  };
}
