/**
 * What the command line sees of the assemblies. Each function lives in the file of its name
 * (`replay` in app/replay.ts, …); cli/ loads it when the command runs, so that `--help` stays fast.
 */
import type { IncidentDetail, KeyFilter, KeyLine, KeyLookup } from '../console/contract.ts';
import type { Action } from '../core/action.ts';
import type { AlertBudget } from '../core/alert-budget.ts';
import type { Config, SourceConfig } from '../core/config.ts';
import type {
  ClosedAs,
  CloseRequest,
  RemovalRequest,
  RuleKind,
  RuleLine,
  RuleRequest,
} from '../core/control.ts';
import type { Decision } from '../core/decision.ts';
import type { Facts, Finding, Incident, Severity } from '../core/finding.ts';
import type { ResponseClient } from '../core/response.ts';
import type { IncidentFilter, UsageRow } from '../core/store.ts';
import type { ReadinessCounts } from '../detectors/engine/census.ts';
import type { BacktestDecision, BacktestLine } from './backtest/contract.ts';
import type { Score } from './score/contract.ts';

export type { IncidentDetail, KeyFilter, KeyLine, KeyLookup } from '../console/contract.ts';

/** A configuration that passed every check, frozen. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file it came from; undefined when all values are defaults. */
  readonly path: string | undefined;
  /** Absolute. Relative paths of the file were resolved against it; else the working folder. */
  readonly folder: string;
}

/** What can be wrong with a configuration, at one place of it. */
export interface ConfigFault {
  /** Dotted, e.g. `sources[0].kind`; '' for the whole file. */
  readonly path: string;
  /** From 1; undefined where there is no text (an absent value of an absent file). */
  readonly line: number | undefined;
  /** What is wrong. Never quotes a value: it may be a secret. */
  readonly message: string;
  /** What is allowed, or the nearest right word. */
  readonly hint: string | undefined;
}

/** One line `{"type":"check"}`. */
export interface Check {
  readonly type: 'check';
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly hint?: string;
}

/** Which format a path was read as, and why. */
export interface SourceReading {
  readonly source: string;
  readonly format: string;
  /** What its records are wrapped in; absent when they are not. */
  readonly envelope?: string;
  /** E.g. "detected: 20 of 20 lines have …" or "given by --format". */
  readonly why: string;
  /** 0: stdin. */
  readonly files: number;
  /** Names of the first of them. */
  readonly names: readonly string[];
  readonly records: number;
  /** Uses of keys that were read. */
  readonly events: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** One line `{"type":"summary"}`, the last of a replay. */
export interface ReplaySummary {
  readonly type: 'summary';
  readonly records: number;
  readonly bytes: number;
  readonly events: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly flawed: Readonly<Record<string, number>>;
  readonly duplicates: number;
  readonly late: number;
  readonly future: number;
  /** Keys. */
  readonly subjects: number;
  /** Uses of keys that have no record, the table being full and they not having earned one. */
  readonly unadmitted: number;
  /** Uses that nobody checked: counted, not learned. */
  readonly claimed: number;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
  readonly findings: Readonly<Record<string, number>>;
  readonly incidents: Readonly<Partial<Record<Severity, number>>>;
  /** Incidents that a rule keeps from raising alerts; not in `incidents`. */
  readonly silenced: number;
  /** Incidents that are part of one of many keys; not in `incidents`. */
  readonly partOf: number;
  /** Incidents that people closed. */
  readonly closedAs: Readonly<Record<ClosedAs, number>>;
  /** Evidence not taken: of the allowlist, or a false alarm before. */
  readonly heldBack: { readonly allowed: number; readonly remembered: number };
  /** With `alerts.perDay`. */
  readonly budget?: AlertBudget;
  /** Keys × detectors, by how far the detector may be trusted with the key. */
  readonly readiness?: ReadinessCounts;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMaxBytes: number;
  readonly sources: readonly SourceReading[];
  /** Files that could be read in part only. Absent when there is none. */
  readonly damaged?: readonly DamagedFile[];
}

export interface DamagedFile {
  /** Names the file. */
  readonly message: string;
  readonly code: string;
  /** Up to here its text was read, bytes. */
  readonly textBytes: number;
}

export interface Progress {
  /** Bytes of the medium (compressed size where compressed). */
  readonly bytesDone: number;
  /** Undefined for stdin. */
  readonly bytesTotal: number | undefined;
  readonly records: number;
  readonly eventsPerSecond: number;
  /** Event time reached, epoch ms; NaN before the first event. */
  readonly atMs: number;
}

export interface ReplayOptions {
  /** Files, folders or globs; `-` alone is stdin. Empty: the `file` sources of the configuration. */
  readonly paths: readonly string[];
  readonly format?: string | undefined;
  readonly envelope?: string | undefined;
  readonly key?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly config: LoadedConfig;
  /** Aborted: the state is saved, and the summary tells what was read until then. */
  readonly signal: AbortSignal;
  onFinding(finding: Finding): void;
  onIncident(incident: Incident): void;
  /** At most a few times a second. */
  onProgress(progress: Progress): void;
  /** Something the user should know, one line without a line break. */
  onNote(text: string): void;
}
export type Replay = (options: ReplayOptions) => Promise<ReplaySummary>;

/** Of what it reads, as of a replay. */
export interface BacktestOptions
  extends Pick<
    ReplayOptions,
    'paths' | 'format' | 'envelope' | 'key' | 'config' | 'signal' | 'onProgress' | 'onNote'
  > {
  /** Path of the policy to try. */
  readonly policy: string;
  /** Path of the labels. */
  readonly labels?: string | undefined;
  /** In order, once all was read. */
  onDecision(decision: BacktestDecision): void;
}
export type Backtest = (
  o: BacktestOptions,
) => Promise<BacktestLine & Pick<ReplaySummary, 'damaged'>>;

export const ROLES = ['ingest', 'detect', 'respond', 'decide', 'console'] as const;
export type Role = (typeof ROLES)[number];

/** Least interface of the logger (pino's). */
export interface Logger {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

export interface ReadyInfo {
  /** URL by listener name, e.g. `intake`. */
  readonly listeners: Readonly<Record<string, string>>;
  readonly stateDir: string;
  /** Names of the sources. */
  readonly sources: readonly string[];
  /** Said once: where a generated token or pepper was put. Never the secret itself. */
  readonly notes: readonly string[];
  /** What is acted upon, in a sentence. Left out: nothing. */
  readonly acts?: string;
}

export interface RunOptions {
  readonly config: LoadedConfig;
  readonly signal: AbortSignal;
  /** Default: all. */
  readonly roles?: readonly Role[] | undefined;
  readonly logger: Logger;
  onReady?(info: ReadyInfo): void;
  onIncident(incident: Incident): void;
}
/** Resolves after an orderly stop, with the state saved. */
export type Run = (options: RunOptions) => Promise<void>;

export interface DemoPhase {
  readonly phase: 'history' | 'live';
  readonly keys: number;
  readonly days: number;
  /** First event time of the phase, epoch ms. */
  readonly fromAt: number;
  /** With `live`: what the history was, for one line of text. */
  readonly history?: { readonly events: number; readonly seconds: number };
}

export interface DemoTick {
  readonly phase: 'history' | 'live';
  /** Part of the history done, 0..1; undefined when live. */
  readonly share: number | undefined;
  /** Event time, epoch ms. */
  readonly atMs: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly keys: number;
  readonly openIncidents: number;
}

export interface DemoOptions {
  readonly signal: AbortSignal;
  readonly seed?: number | undefined;
  readonly keys?: number | undefined;
  /** Days of history. */
  readonly days?: number | undefined;
  /** Kept there; else in a temporary folder that is removed. */
  readonly stateDir?: string | undefined;
  onPhase(phase: DemoPhase): void;
  onFinding?(finding: Finding): void;
  onIncident(incident: Incident): void;
  /** After so long live it acts at its made gateway, ms; until then, and left out, it says what it would do. */
  readonly automaticAfterMs?: number | undefined;
  onDecision?(decision: Decision): void;
  onAction?(action: Action): void;
  /** It acts from now on. */
  onAutomatic?(): void;
  /** At most a few times a second. */
  onTick(tick: DemoTick): void;
  /** Something the user should know, one line without a line break. */
  onNote?(text: string): void;
}
/** As of a replay, of its one source. */
export type DemoSummary = Omit<ReplaySummary, 'sources' | 'damaged'>;
export type Demo = (options: DemoOptions) => Promise<DemoSummary>;

/** How a person names a key: an id or a label, or the raw key itself (read from stdin, hashed at once). */
export type KeyReference = { readonly name: string } | { readonly raw: string };

/** One finding judged again from its recorded inputs. */
export interface ExplainedFinding {
  readonly finding: Finding;
  /** Undefined when the inputs are no longer kept. */
  readonly recomputed: { readonly score: number; readonly identical: boolean } | undefined;
  /** More facts for a person, e.g. the key's usage in the hours before. */
  readonly facts?: Facts;
}
/** Requests of a key by hour, and the band that was expected. One line `{"type":"chart"}`. */
export interface UsageChart {
  readonly type: 'chart';
  /** Begin of the first hour. */
  readonly fromAt: string;
  /** Begin of the hour in which the incident opened. */
  readonly beganAt: string;
  /** One value an hour in each. */
  readonly requests: readonly number[];
  readonly expected: readonly number[];
  /** Two deviations below and above. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export interface Explanation {
  readonly incident: Incident;
  readonly findings: readonly ExplainedFinding[];
  /** Every finding whose inputs are kept came out the same. */
  readonly identical: boolean;
  /** Absent where nothing is kept to draw it from. */
  readonly chart?: UsageChart;
}

/**
 * Reads the state, and tells detection what people say: through the API of the instance that runs on it, else in the
 * files, under the lock.
 */
export interface StateClient {
  readonly via: 'api' | 'state';
  incidents(filter: IncidentFilter): Promise<readonly Incident[]>;
  incident(id: string): Promise<IncidentDetail | undefined>;
  keys(filter: KeyFilter): Promise<readonly KeyLine[]>;
  key(reference: KeyReference): Promise<KeyLookup>;
  /** By the id of an incident or of a finding. */
  explain(id: string): Promise<Explanation | undefined>;
  backup(folder: string): Promise<void>;
  /** Silences, or the allowlist, as far as they hold now. */
  rules(kind: RuleKind): Promise<readonly RuleLine[]>;
  addRule(request: RuleRequest): Promise<RuleLine>;
  removeRule(request: RemovalRequest): Promise<RuleLine | undefined>;
  closeIncident(id: string, request: CloseRequest): Promise<IncidentDetail | undefined>;
  readonly response: ResponseClient;
  close(): Promise<void>;
}
export interface OpenClientOptions {
  readonly config: LoadedConfig;
  /** Instead of the configuration's `state.dir`. */
  readonly stateDir?: string | undefined;
  readonly signal: AbortSignal;
}
export type OpenClient = (options: OpenClientOptions) => Promise<StateClient>;

export interface RestoreOptions {
  readonly config: LoadedConfig;
  readonly stateDir?: string | undefined;
  /** A folder that `state backup` wrote. */
  readonly from: string;
}
/** Refuses a state that is in use, or that already holds something. */
export type RestoreState = (options: RestoreOptions) => Promise<void>;

/** The assemblies, as the command line calls them; tests put functions of their own in their place. */
export interface Assemblies {
  readonly replay: Replay;
  readonly backtest: Backtest;
  readonly score: Score;
  readonly run: Run;
  readonly demo: Demo;
  readonly openClient: OpenClient;
  readonly restoreState: RestoreState;
}

export type { RuleKind, RuleLine } from '../core/control.ts';
export type { CommandAnswer, ResponseClient } from '../core/response.ts';
export type { BacktestDecision, BacktestLine } from './backtest/contract.ts';
export type {
  Score,
  ScoredPoint,
  ScoredSeries,
  ScoreOptions,
  ScoreSummary,
} from './score/contract.ts';
export type { Facts, Finding, Incident, IncidentFilter, Severity, SourceConfig, UsageRow };
