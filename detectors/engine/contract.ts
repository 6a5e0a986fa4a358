/** What the assemblies see of the detection engine. One engine holds all key groups of its process. */
import type { Calendar } from '../../core/calendar.ts';
import type { Config } from '../../core/config.ts';
import type { ClosedAs, WatchVerdict } from '../../core/control.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { ApiEvent, KeyIdentity } from '../../core/event.ts';
import type { Facts, Finding, FindingInputs, Incident, Severity } from '../../core/finding.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import type { Checkpoint, ControlRecord, LoadedState } from '../../core/store.ts';
import type { Shard } from './spans.ts';

export interface EngineOptions {
  /** Which part of the key groups this engine has. Default: all of them. */
  readonly shard?: Shard;
  readonly subjectsMax: number;
  /** Settings by detector id, as in the configuration. Throws `usage` on an unknown id or setting. */
  readonly detectors: Config['detectors'];
  readonly directory: KeyDirectory;
  /** Planned events and maintenance windows. Default: none. */
  readonly calendar?: Calendar;
  /** Recorded with every finding that used places. */
  readonly geographyVersion: string;
  /** False when nobody will take checkpoints (a replay without --state): nothing is kept for them. */
  readonly durable: boolean;
  /** Called at once, in the order of the sequence; the same id comes again with a higher revision. */
  onFinding(finding: Finding): void;
  onIncident(incident: Incident): void;
  /**
   * What a finding can be judged again from, and what the key was used for before (profileOf): after the finding and
   * its incident were told. Needs `durable`.
   */
  onInputs?(inputs: FindingInputs): void;
  /** What the stream of a key says of what was done (control records of kind `action`). */
  onVerdict?(verdict: WatchVerdict): void;
}

export interface EngineStats {
  /** Uses of keys that were applied, claimed ones included. */
  readonly events: number;
  /** Not the key's own doing as far as anybody checked: counted, not learned. */
  readonly claimed: number;
  /** Delivered twice by the gateway (same request id, time, path, status and bytes). */
  readonly duplicates: number;
  /** At or below the position already applied from the same stream. */
  readonly repeats: number;
  /** Older than the lateness bound: counted, not learned. */
  readonly late: number;
  /** Keys without a record because the table is full and they have not earned one. */
  readonly unadmitted: number;
  /** Keys with a record. */
  readonly subjects: number;
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  readonly watermarkAt: number | undefined;
  readonly findings: Readonly<Record<string, number>>;
  /** Those that raise alerts, by the severity they have now. */
  readonly incidents: Readonly<Partial<Record<Severity, number>>>;
  /** Incidents all of whose findings are silenced. */
  readonly silenced: number;
  /** Incidents that one of many keys explains, and counts for. */
  readonly partOf: number;
  /** Incidents that people closed. */
  readonly closedAs: Readonly<Record<ClosedAs, number>>;
  /** How many of the incidents that raise alerts have which risk, in tenths up to 30. */
  readonly risks: readonly (readonly [risk: number, incidents: number])[];
  /** Event time that all of this was counted in, ms. */
  readonly spanMs: number;
  /** Evidence not taken because it is allowed, or was a false alarm before. */
  readonly heldBack: { readonly allowed: number; readonly remembered: number };
  readonly openIncidents: number;
}

/** What is known of a source that may make its keys' detectors less trustworthy; counts since the start. */
export interface SourceHealth {
  /** Since when it is watched, epoch ms. */
  readonly sinceAt: number;
  readonly records: number;
  /** Rejected as too far ahead of the wall clock; counted, not learned, as too late; without a key that was proven. */
  readonly future: number;
  readonly late: number;
  readonly keyless: number;
  /** Sent, and never received; 0 or left out where none can be lost or nobody knows. */
  readonly lost?: number;
  /** How far its clock is ahead of ours, ms; 0 when it is not. */
  readonly aheadMs: number;
  readonly silentSinceAt?: number;
  /** Its last silence that is over, epoch ms. */
  readonly gap?: { readonly fromAt: number; readonly toAt: number };
}

/** What readiness depends on beside a key's record. */
export interface Coverage {
  /** When the geography data was made, epoch ms; left out when nobody knows. */
  readonly geographyBuiltAt?: number | undefined;
  /** Undefined for a source that is not watched (a replay). */
  healthOf?(source: string): SourceHealth | undefined;
}

export interface Readiness {
  readonly state: 'learning' | 'ready' | 'degraded' | 'unprotected';
  readonly since: string;
  readonly until?: string;
  readonly why?: string;
}

export interface KeyState {
  readonly id: string;
  readonly label?: string;
  readonly consumer?: string;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly events: number;
  readonly readiness: Readonly<Record<string, Readiness>>;
  /** The key that it seems to have replaced, and when that was used last; of one key alone. */
  readonly likelyPredecessor?: { readonly id: string; readonly lastAt: string };
  /** What detectors have learned of the key that people may want to know, by detector. */
  readonly learned?: Readonly<Record<string, Facts>>;
}

export interface Recomputed {
  readonly score: number;
  readonly identical: boolean;
}

/** Requests in an hour: expected, and the band of two deviations around it. */
export interface ExpectedHour {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface Engine {
  /**
   * Announces a stream and answers its index for `ApiEvent.stream`. A stream is known by its name for ever;
   * opening it again goes on after the highest position applied.
   */
  openStream(source: string, stream: string, latenessMs: number): number;
  /** Live: the watermark stands until the source was released too, for it may go on from far behind. */
  awaitSource(source: string): void;
  /** The source has spoken (its streams hold the watermark from now on), or is not to be waited for. */
  releaseSource(source: string): void;
  /** The stream has ended (a file read to its end): it no longer holds the watermark back. */
  closeStream(stream: number, position: number): void;
  /** A stream falls silent (wall clock) or speaks again: silent ones do not hold the watermark back. */
  setSilent(stream: number, silent: boolean): void;
  /** Position to go on from in a stream, 0 when it is new; finished when it was read to its end. */
  position(stream: string): { readonly position: number; readonly finished: boolean };
  /** Notes how far a stream has been read, for the next checkpoint. */
  advance(stream: number, position: number): void;
  /** Whether the key has a record. */
  knows(key: KeyIdentity): boolean;
  /** Applies one event. Must be called in the order of the sequence. */
  observe(event: ApiEvent): void;
  /** Applies what people say (core/control.ts) at this place of the sequence; other kinds change nothing. */
  control(record: ControlRecord): void;
  /**
   * Drains what changed since the last call. The caller numbers its control records (0 here) and commits it, and
   * calls nothing in between.
   */
  checkpoint(): Omit<Checkpoint, 'deadLetters'>;
  /** How many subjects have changed since the last checkpoint. */
  readonly dirty: number;
  restore(state: LoadedState): void;
  stats(): EngineStats;
  /** Keys with a record, in order of id. */
  keys(options: { readonly limit: number; readonly prefix?: string }): KeyState[];
  key(id: string): KeyState | undefined;
  openIncidents(): Incident[];
  /** What the key was expected to make in some hours (from the epoch), by the baseline recorded with a finding. */
  expected(inputs: FindingInputs, hours: readonly number[]): ExpectedHour[] | undefined;
  /**
   * What the key was used for before the finding, by the record that was kept with it; undefined where that is of no
   * key. Not to be called from within a callback of the engine.
   */
  profileOf(inputs: FindingInputs): KeyProfile | undefined;
  /** Judges a finding again from its recorded inputs. */
  recompute(inputs: FindingInputs): Recomputed;
}
