/** Store, queue, audit and time in memory, driven by hand: what the runner stands on, without waiting. */
import {
  type Action,
  type ActionQueue,
  type ActionStore,
  actionChangedAt,
  isHeld,
  isUnsettled,
  type QueueEntry,
} from '../../../core/action.ts';
import type { AuditEntry, AuditLog, AuditNote } from '../../../core/audit.ts';

export interface MemoryClock {
  now(): number;
  set(atMs: number): void;
}

export function memoryClock(at: number): MemoryClock {
  let now = at;
  return {
    now: () => now,
    set(next) {
      now = Math.max(now, next);
    },
  };
}

export function memoryActions(): ActionStore & { readonly all: () => Action[] } {
  const actions = new Map<string, Action>();
  const sorted = () =>
    [...actions.values()].sort(
      (a, b) => actionChangedAt(b) - actionChangedAt(a) || (a.id < b.id ? 1 : -1),
    );
  return {
    all: sorted,
    async createAction(action) {
      if (actions.has(action.id)) return false;
      const ofKey = [...actions.values()].filter(
        ({ gateway, subject }) => gateway === action.gateway && subject.id === action.subject.id,
      );
      const version = Math.max(0, ...ofKey.map((one) => one.version)) + 1;
      actions.set(action.id, structuredClone({ ...action, version }));
      return true;
    },
    async changeAction(next) {
      if (actions.get(next.id)?.revision !== next.revision - 1) return false;
      actions.set(next.id, structuredClone(next));
      return true;
    },
    action: async (id) => actions.get(id),
    actions: async ({ limit = 100, subjectId, gateway, state, decision, sinceAt }) =>
      sorted()
        .filter((a) => subjectId === undefined || a.subject.id === subjectId)
        .filter((a) => gateway === undefined || a.gateway === gateway)
        .filter((a) => state === undefined || a.state === state)
        .filter((a) => decision === undefined || a.decision === decision)
        .filter((a) => sinceAt === undefined || actionChangedAt(a) >= sinceAt)
        .slice(0, limit),
    unsettledActions: async () => sorted().filter(isUnsettled),
    heldActions: async (gateway, subjectId) =>
      sorted()
        .filter(isHeld)
        .filter((a) => gateway === undefined || a.gateway === gateway)
        .filter((a) => subjectId === undefined || a.subject.id === subjectId)
        .sort((a, b) => b.version - a.version),
  };
}

export interface MemoryQueue extends ActionQueue {
  /** Hands out what is due first, time moving there; false when nothing is left before that time. */
  step(untilMs?: number): Promise<boolean>;
  entries(): readonly QueueEntry[];
  /** As a crash between the record and its entry would. */
  lose(action: string): void;
}

type Handler = Parameters<ActionQueue['work']>[1];

/** A queue that hands out one entry at a time, when asked. */
export function memoryQueue(clock: MemoryClock): MemoryQueue {
  const entries = new Map<string, QueueEntry>();
  const handlers = new Map<string, { readonly handler: Handler; readonly signal: AbortSignal }>();
  const again = new Set<string>();
  return {
    entries: () => [...entries.values()],
    lose: (action) => void entries.delete(action),
    async add(entry) {
      const kept = entries.get(entry.action);
      entries.set(entry.action, kept !== undefined && kept.at < entry.at ? kept : entry);
      again.add(entry.action);
    },
    async work(gateway, handler, signal) {
      handlers.set(gateway, { handler, signal });
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    async step(untilMs = Number.MAX_SAFE_INTEGER) {
      const [entry] = [...entries.values()].sort(
        (a, b) => a.at - b.at || (a.action < b.action ? -1 : 1),
      );
      if (entry === undefined || entry.at > untilMs) return false;
      clock.set(entry.at);
      const { handler, signal } = handlers.get(entry.gateway)!;
      again.delete(entry.action);
      let at: number | undefined;
      try {
        at = await handler(entry.action, signal);
      } catch {
        at = clock.now() + 1000;
      }
      const added = again.delete(entry.action);
      if (at !== undefined) entries.set(entry.action, { ...entry, at });
      else if (!added) entries.delete(entry.action);
      return true;
    },
    async depth() {
      const due = [...entries.values()].filter(({ at }) => at <= clock.now());
      const byGateway = Object.groupBy(due, ({ gateway }) => gateway);
      return Object.fromEntries(Object.entries(byGateway).map(([name, of]) => [name, of!.length]));
    },
    async close() {},
  };
}

export interface MemoryAudit extends AuditLog {
  readonly notes: AuditNote[];
  /** While true nothing can be recorded. */
  broken: boolean;
}

export function memoryAudit(): MemoryAudit {
  const notes: AuditNote[] = [];
  return {
    notes,
    broken: false,
    async record(note): Promise<AuditEntry> {
      if (this.broken) throw new Error('no space left');
      notes.push(note);
      const sequence = notes.length;
      return { ...note, id: `w-${sequence}`, writer: 'w', sequence, previous: '', hash: '' };
    },
  };
}
