/**
 * Contracts of the stores of detector state with its positions, and of results. SQLite has both; in the distributed
 * form Redis has the state and Elasticsearch the results. After a crash, state and positions are of the same
 * instant (design.md §4.4).
 */
import type { Finding, FindingInputs, Incident, Severity } from './finding.ts';
import type { StreamPosition } from './source.ts';

/** State of one subject, as the engine lays it out; opaque to the store. */
export interface SubjectRow {
  readonly group: number;
  /** 16 bytes. */
  readonly digest: Uint8Array;
  readonly id: string;
  readonly consumer: string;
  readonly record: Uint8Array;
}

/** Requests of a key in one hour. A repeated row replaces the one before. */
export interface UsageRow {
  readonly digest: Uint8Array;
  /** Begin of the hour, epoch ms. */
  readonly hourAt: number;
  readonly requests: number;
  readonly errors: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What steers detection but is not traffic, with its place in the sequence (design.md §2). */
export interface ControlRecord {
  /** Grows by one per installation. */
  readonly sequence: number;
  /** Event time at which it took effect, epoch ms. */
  readonly at: number;
  readonly kind:
    | 'source-state'
    | 'registry'
    | 'geography'
    | 'prior'
    | 'config'
    | 'close'
    | 'silence'
    | 'allow'
    | 'action'
    | 'leak';
  readonly body: Readonly<Record<string, unknown>>;
}

/** A record that could not be read. The text itself is never kept (design.md §4.1). */
export interface DeadLetter {
  readonly source: string;
  readonly stream: string;
  readonly position: number;
  readonly reason: string;
  readonly length: number;
  /** Each run of 6 or more of [A-Za-z0-9_-] replaced by its length; at most 512 characters. */
  readonly mask: string;
  /** Wall clock, epoch ms. */
  readonly seenAt: number;
}

/** Everything that changed since the last checkpoint. */
export interface Checkpoint {
  /** Values of the whole engine by name, as JSON; one that is left out, or undefined, is as it was saved last. */
  readonly meta: Readonly<Record<string, unknown>>;
  readonly streams: readonly StreamPosition[];
  /** Offset after the last message applied of the log that the events came from; left out where there is none. */
  readonly logPosition?: number;
  /** Key group state that is not a subject's (admission sketch, duplicates, applied positions). */
  readonly groups: readonly {
    readonly group: number;
    readonly part: string;
    readonly bytes: Uint8Array;
  }[];
  /** Parts named here are deleted before `groups` is written. */
  readonly removedGroupParts: readonly { readonly group: number; readonly part: string }[];
  readonly subjects: Iterable<SubjectRow>;
  readonly removedSubjects: readonly Uint8Array[];
  /** Open incidents with their episodes, as the engine's own JSON; null removes. */
  readonly open: readonly { readonly digest: Uint8Array; readonly body: string | null }[];
  readonly findings: readonly Finding[];
  readonly inputs: readonly FindingInputs[];
  readonly incidents: readonly Incident[];
  readonly usage: readonly UsageRow[];
  readonly controls: readonly ControlRecord[];
  readonly deadLetters: readonly DeadLetter[];
}

/** Nothing changed. */
export const EMPTY_CHECKPOINT: Checkpoint = Object.freeze({
  meta: {},
  streams: [],
  groups: [],
  removedGroupParts: [],
  subjects: [],
  removedSubjects: [],
  open: [],
  findings: [],
  inputs: [],
  incidents: [],
  usage: [],
  controls: [],
  deadLetters: [],
});

export interface LoadedState {
  readonly meta: Readonly<Record<string, unknown>>;
  readonly streams: readonly StreamPosition[];
  readonly logPosition?: number;
  readonly groups: readonly {
    readonly group: number;
    readonly part: string;
    readonly bytes: Uint8Array;
  }[];
  /** May be read once: what was read is let go, so that a million records do not stand in memory twice. */
  readonly subjects: Iterable<SubjectRow>;
  readonly open: readonly { readonly digest: Uint8Array; readonly body: string }[];
}

export interface IncidentFilter {
  readonly limit?: number;
  /** Only incidents updated at or after this instant, epoch ms. */
  readonly sinceAt?: number;
  readonly severity?: Severity;
  readonly subjectId?: string;
  readonly open?: boolean;
}

/**
 * State of a detection engine. One writer: a lock keeps others away (SQLite), or an owner epoch (Redis), under which
 * `commit` throws `operating` with code `fenced` once somebody else has claimed the state, or the server lost what it
 * had confirmed; nothing is written then, and only claiming and loading it anew helps.
 */
export interface StateStore {
  /** Undefined for a new store. Throws `usage` when the state is of a newer version or another pepper. */
  load(): Promise<LoadedState | undefined>;
  /** Durable when it resolves; after a crash state and positions agree, key group by key group. */
  commit(checkpoint: Checkpoint): Promise<void>;
  close(): Promise<void>;
}

/** What detection has told: incidents, findings, usage. Drivers: SQLite, Elasticsearch. */
export interface ResultStore {
  incidents(filter: IncidentFilter): Promise<Incident[]>;
  incident(id: string): Promise<Incident | undefined>;
  findings(ids: readonly string[]): Promise<Finding[]>;
  findingInputs(findingId: string): Promise<FindingInputs | undefined>;
  /** Hours at or after `sinceAt`, oldest first. */
  usage(digest: Uint8Array, sinceAt: number): Promise<UsageRow[]>;
  close(): Promise<void>;
}

/** The embedded form has one store for both. */
export interface EmbeddedStore extends StateStore, ResultStore {
  /** Subjects in order of id; `prefix` filters by id. */
  subjects(options: { readonly limit: number; readonly prefix?: string }): Promise<SubjectRow[]>;
  deadLetters(limit: number): Promise<DeadLetter[]>;
  /** Consistent copy of the whole store into a folder, while running. */
  backup(folder: string): Promise<void>;
}
