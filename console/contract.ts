/** What the HTTP API shows, as the assemblies supply it. Every value is ready for JSON: no raw key, finite numbers. */
import type {
  CloseRequest,
  RemovalRequest,
  RuleKind,
  RuleLine,
  RuleRequest,
} from '../core/control.ts';
import type { Facts, Finding, Incident } from '../core/finding.ts';
import type { KeyLimits, ResponseClient } from '../core/response.ts';
import type { IncidentFilter, UsageRow } from '../core/store.ts';

/** `none`: no record since the start. `silent`: none for longer than usual. Neither says anything about keys. */
export const TRAFFIC_STATES = ['none', 'live', 'silent'] as const;
export type Traffic = (typeof TRAFFIC_STATES)[number];

/** Something without which this process cannot do its work. */
export interface Missing {
  /** E.g. `state`, `source access-log`. */
  readonly name: string;
  readonly detail: string;
  readonly hint?: string;
}

/** Ready when nothing is missing. Traffic is told beside it and never makes it ready or unready. */
export interface Readiness {
  readonly missing: readonly Missing[];
  readonly traffic: Traffic;
}

/** One line `{"type":"key"}` of contracts.md. */
export interface KeyLine {
  readonly type: 'key';
  readonly id: string;
  readonly label?: string;
  readonly consumer?: string;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly events: number;
  readonly readiness: Readonly<
    Record<
      string,
      {
        readonly state: string;
        readonly since: string;
        readonly until?: string;
        readonly why?: string;
      }
    >
  >;
  /** The key that it seems to have replaced, and when that was used last; of one key alone. */
  readonly likelyPredecessor?: { readonly id: string; readonly lastAt: string };
  /** What detectors have learned of the key, by detector. */
  readonly learned?: Readonly<Record<string, Facts>>;
  readonly rung: string;
  /** Of one key alone, where the decision endpoint runs. */
  readonly limits?: KeyLimits;
}

/** `ambiguous`: a label that several keys have. */
export type KeyLookup =
  | { readonly kind: 'found'; readonly key: KeyLine; readonly usage: readonly UsageRow[] }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly KeyLine[] }
  | { readonly kind: 'unknown'; readonly nearest: string | undefined };

export interface KeyFilter {
  readonly limit: number;
  /** Begin of the id. */
  readonly prefix?: string;
  readonly consumer?: string;
  /** Only keys used at or after this instant, epoch ms. */
  readonly sinceAt?: number;
}

export interface IncidentDetail {
  readonly incident: Incident;
  readonly findings: readonly Finding[];
}

/** Supplied by the assembly. A rejection with a KeyhoundError becomes an answer; any other a bare 500. */
export interface ConsoleData {
  /** Must answer from memory: probes call it often. */
  readiness(): Readiness;
  /** The `summary` of contracts.md, as of now. */
  summary(): Promise<object>;
  incidents(filter: IncidentFilter): Promise<readonly Incident[]>;
  incident(id: string): Promise<IncidentDetail | undefined>;
  keys(filter: KeyFilter): Promise<readonly KeyLine[]>;
  /** By id or label. */
  key(name: string): Promise<KeyLookup>;
  /** By the id of an incident or of a finding. */
  explain(id: string): Promise<object | undefined>;
  /** Copies the state into a new folder, given as an absolute path. */
  backup(folder: string): Promise<void>;
  /** Silences, or the allowlist, as far as they hold now. What changes them is durable when it is answered. */
  rules(kind: RuleKind): Promise<readonly RuleLine[]>;
  addRule(request: RuleRequest): Promise<RuleLine>;
  /** Undefined when there is no such rule; of `closeIncident`, no such incident. */
  removeRule(request: RemovalRequest): Promise<RuleLine | undefined>;
  closeIncident(id: string, request: CloseRequest): Promise<IncidentDetail | undefined>;
  /** Decisions and actions; undefined in a process that answers for no response. */
  readonly response: ResponseClient | undefined;
}

/** The logger's part that the API needs (pino has it). */
export interface ApiLogger {
  error(facts: object, text: string): void;
}
