/**
 * What replay, run and demo have in common: identity, geography, registry, the engine, and, when there is a
 * state folder, its lock, its store and the checkpoints.
 */
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Calendar } from '../core/calendar.ts';
import type { Clock } from '../core/clock.ts';
import type { WatchVerdict } from '../core/control.ts';
import type { KeyDirectory } from '../core/directory.ts';
import type { Finding, Incident } from '../core/finding.ts';
import type { StreamPosition } from '../core/source.ts';
import type { ControlRecord } from '../core/store.ts';
import { createEngine, type DetectionEngine } from '../detectors/engine/engine.ts';
import { loadCalendars } from '../enrich/calendars.ts';
import { createEnricher, type FullEnricher } from '../enrich/enricher.ts';
import { type Geography, type GeographyOptions, openGeography } from '../enrich/geography.ts';
import { existingPepper, loadPepper, type Pepper, pepperKey } from '../enrich/pepper.ts';
import { loadRegistry } from '../enrich/registry.ts';
import { createDeadLetters, type DeadLetters } from '../ingest/dead-letters.ts';
import { lockStateFolder, type StateLock } from '../store/lock.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite/store.ts';
import type { LoadedConfig } from './contract.ts';
import { openStateFolder } from './state-folder.ts';

/** Bindings of raw keys to credentials are kept beside the key groups' parts, under this name. */
export const ALIASES_PART = 'aliases';

export interface SessionOptions {
  readonly config: LoadedConfig;
  /** Undefined: nothing is kept. */
  readonly stateDir: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** For the lock's notice, e.g. `replay`. */
  readonly command: string;
  /** Nothing is written, and no pepper is made: for looking things up in a state. */
  readonly readOnly?: boolean;
  onFinding(finding: Finding): void;
  onIncident(incident: Incident): void;
  /** What the stream says of an action. */
  onVerdict?(verdict: WatchVerdict): void;
  onNote(text: string): void;
}

export interface Session {
  readonly engine: DetectionEngine;
  readonly enricher: FullEnricher;
  readonly directory: KeyDirectory;
  readonly calendar: Calendar;
  readonly geography: Geography;
  readonly deadLetters: DeadLetters;
  readonly pepper: Pepper;
  /** When the geography data was made, epoch ms; undefined when nobody knows. */
  readonly geographyBuiltAt: number | undefined;
  readonly store: SqliteStore | undefined;
  readonly lock: StateLock | undefined;
  /** Where streams were left, as the state knows them. */
  readonly saved: readonly StreamPosition[];
  /** Wall clock of the last checkpoint, epoch ms; undefined before the first. */
  readonly checkpointAt: number | undefined;
  /** How long the last checkpoint took, ms. */
  readonly checkpointMs: number | undefined;
  readonly clock: Clock;
  /** Notes what steers detection but is not traffic, at its place in the sequence, and applies it there. */
  control(kind: ControlRecord['kind'], body: Readonly<Record<string, unknown>>): void;
  /** Saves what changed. A no-op without a store. Durable when it resolves. */
  checkpoint(): Promise<void>;
  /** True when a checkpoint is due, by time or by what changed. */
  isCheckpointDue(): boolean;
  /** Closes the store and lets go of the lock; does not save. */
  close(): Promise<void>;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const { config: loaded, stateDir, env, clock } = options;
  const { config } = loaded;
  const folder = stateDir === undefined ? undefined : path.resolve(stateDir);
  const calendar = loadCalendars(config.calendars, loaded.folder);
  const directory = loadRegistry(config.keys, loaded.folder, config.consumers);
  const pepper =
    options.readOnly === true ? readPepper(env) : loadPepper({ env, stateDir: folder });
  tellPepper(pepper, options);
  const geography = openGeography(geographyPaths(loaded));
  const { trustedProxies } = config;
  const engine = createEngine({
    subjectsMax: config.engine.subjectsMax,
    detectors: config.detectors,
    calendar,
    directory,
    geographyVersion: geography.version,
    durable: folder !== undefined,
    onFinding: options.onFinding,
    onIncident: options.onIncident,
    ...(options.onVerdict === undefined ? {} : { onVerdict: options.onVerdict }),
  });
  const enricher = createEnricher({
    pepper,
    previousPepper: pepper.previous,
    knowsKey: (key) => engine.knows(key),
    geography,
    directory,
    trustedProxies,
  });
  const kept = folder === undefined ? undefined : await openKept(folder, pepper, options);
  const restored = kept === undefined ? NOTHING : await restore(kept, engine, enricher);
  const session = createSession(options, {
    engine,
    enricher,
    directory,
    calendar,
    geography,
    pepper,
    geographyBuiltAt: geography.info(clock.now()).builtAt,
    kept,
    ...restored,
    clock,
  });
  const versions = versionsOf(session, config.detectors);
  for (const [kind, version] of Object.entries(versions)) {
    if (restored.steering.versions[kind] === version) continue;
    session.control(kind as ControlRecord['kind'], { version });
  }
  return session;
}

const NOTHING: { readonly saved: readonly StreamPosition[]; readonly steering: Steering } = {
  saved: [],
  steering: { sequence: 0, versions: {} },
};

function versionsOf(
  session: Pick<Session, 'enricher' | 'directory' | 'calendar'>,
  detectors: object,
): Record<'registry' | 'geography' | 'config', string> {
  return {
    registry: session.directory.version,
    geography: session.enricher.geographyVersion,
    config: createHash('sha256')
      .update(JSON.stringify(detectors) + session.calendar.version)
      .digest('hex')
      .slice(0, 16),
  };
}

export interface Kept {
  readonly lock: StateLock;
  readonly store: SqliteStore;
}

interface Parts {
  readonly engine: DetectionEngine;
  readonly enricher: FullEnricher;
  readonly directory: KeyDirectory;
  readonly calendar: Calendar;
  readonly geography: Geography;
  readonly pepper: Pepper;
  readonly geographyBuiltAt: number | undefined;
  readonly kept: Kept | undefined;
  readonly saved: readonly StreamPosition[];
  readonly steering: Steering;
  readonly clock: Clock;
}

/** What steered detection when the state was saved last. */
interface Steering {
  readonly sequence: number;
  /** Versions by kind: registry, geography, detector settings. */
  readonly versions: Readonly<Record<string, string>>;
}

function createSession(options: SessionOptions, parts: Parts): Session {
  const { engine, enricher, kept, clock } = parts;
  const { checkpointMs: everyMs, checkpointDirty } = options.config.config.state;
  const deadLetters = createDeadLetters();
  const versions = versionsOf(parts, options.config.config.detectors);
  let controls: ControlRecord[] = [];
  let { sequence } = parts.steering;
  let checkpointMs: number | undefined;
  let aliasVersion = enricher.aliases.version;
  let checkpointAt: number | undefined;
  let lastTriedAt = clock.now();
  return {
    ...parts,
    deadLetters,
    store: kept?.store,
    lock: kept?.lock,
    get checkpointAt() {
      return checkpointAt;
    },
    get checkpointMs() {
      return checkpointMs;
    },
    control(kind, body) {
      const at = engine.stats().lastAt ?? clock.now();
      const record: ControlRecord = { sequence: ++sequence, at, kind, body };
      engine.control(record);
      if (kept !== undefined) controls.push(record);
    },
    async checkpoint() {
      lastTriedAt = clock.now();
      const letters = deadLetters.drain();
      if (kept === undefined) return;
      const changed = engine.checkpoint();
      const own = changed.controls.map((record) => ({ ...record, sequence: ++sequence }));
      const meta = { ...changed.meta, steering: { sequence, versions } satisfies Steering };
      const said = [...controls, ...own];
      controls = [];
      const groups = [...changed.groups];
      if (enricher.aliases.version !== aliasVersion) {
        aliasVersion = enricher.aliases.version;
        groups.push({ group: 0, part: ALIASES_PART, bytes: enricher.aliases.snapshot() });
      }
      await kept.store.commit({ ...changed, meta, groups, controls: said, deadLetters: letters });
      checkpointAt = clock.now();
      checkpointMs = checkpointAt - lastTriedAt;
    },
    isCheckpointDue: () =>
      kept !== undefined &&
      (engine.dirty >= checkpointDirty || clock.now() - lastTriedAt >= everyMs),
    async close() {
      await kept?.store.close();
      kept?.lock.release();
    },
  };
}

export async function openKept(
  folder: string,
  pepper: Pepper,
  options: Pick<SessionOptions, 'config' | 'clock' | 'command' | 'readOnly'>,
): Promise<Kept> {
  if (options.readOnly !== true) openStateFolder(folder);
  const lock = lockStateFolder(folder, { command: options.command, clock: options.clock });
  try {
    const { deadLetterBytesMax, deadLetterDaysMax, usageMonthsMax } = options.config.config.state;
    const { readOnly = false } = options;
    const store = await openSqliteStore({
      folder,
      // Ids and incidents can be read without it; who hashes a raw key has to compare it.
      pepperFingerprint: readOnly ? undefined : pepper.fingerprint,
      previousFingerprint: pepper.previous?.fingerprint,
      readOnly,
      clock: options.clock,
      deadLetterBytesMax,
      deadLetterDaysMax,
      usageMonthsMax,
    });
    return { lock, store };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function restore(
  kept: Kept,
  engine: DetectionEngine,
  enricher: FullEnricher,
): Promise<{ readonly saved: readonly StreamPosition[]; readonly steering: Steering }> {
  try {
    const state = await kept.store.load();
    if (state === undefined) return NOTHING;
    const aliases = state.groups.find((part) => part.part === ALIASES_PART);
    if (aliases !== undefined) enricher.restoreAliases(aliases.bytes);
    const groups = state.groups.filter((part) => part !== aliases);
    engine.restore({ ...state, groups });
    const steering = (state.meta['steering'] as Steering | undefined) ?? NOTHING.steering;
    return { saved: state.streams, steering };
  } catch (error) {
    await kept.store.close();
    kept.lock.release();
    throw error;
  }
}

export function geographyPaths(loaded: LoadedConfig): GeographyOptions {
  const { city, asn } = loaded.config.geography;
  return {
    city: city === undefined ? undefined : path.resolve(loaded.folder, city),
    asn: asn === undefined ? undefined : path.resolve(loaded.folder, asn),
  };
}

/** The pepper where there is one, else one that opens nothing. */
function readPepper(env: SessionOptions['env']): Pepper {
  const known = existingPepper(env);
  if (known !== undefined) return known;
  const made = pepperKey(randomBytes(32).toString('hex'));
  return { ...made, previous: undefined, file: undefined, created: false, exposed: false };
}

export function tellPepper(
  pepper: Pepper,
  options: Pick<SessionOptions, 'onNote' | 'readOnly'>,
): void {
  if (pepper.created) {
    options.onNote(
      `made the secret of the key hash: ${pepper.file}; keep a copy, without it keys are strangers again`,
    );
  }
  if (pepper.previous !== undefined && options.readOnly !== true) {
    options.onNote(
      'the pepper is being changed: keys that are used while the previous one is set keep their baselines',
    );
  }
  if (pepper.exposed) options.onNote(`others can read ${pepper.file}: chmod 600 it`);
}
