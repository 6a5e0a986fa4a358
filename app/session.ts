/**
 * What replay, run and demo have in common: identity, geography, registry, the engine, and, when there is a
 * state folder, its lock, its store and the checkpoints.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { KeyDirectory } from '../core/directory.ts';
import type { Finding, Incident } from '../core/finding.ts';
import type { StreamPosition } from '../core/source.ts';
import { createEngine, type DetectionEngine } from '../detectors/engine/engine.ts';
import { createEnricher, type FullEnricher } from '../enrich/enricher.ts';
import { type GeographyOptions, openGeography } from '../enrich/geography.ts';
import { loadPepper, type Pepper } from '../enrich/pepper.ts';
import { loadRegistry } from '../enrich/registry.ts';
import { createDeadLetters, type DeadLetters } from '../ingest/dead-letters.ts';
import { lockStateFolder, type StateLock } from '../store/lock.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite/store.ts';
import type { LoadedConfig } from './contract.ts';

/** Bindings of raw keys to credentials are kept beside the key groups' parts, under this name. */
const ALIASES_PART = 'aliases';

export interface SessionOptions {
  readonly config: LoadedConfig;
  /** Undefined: nothing is kept. */
  readonly stateDir: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** For the lock's notice, e.g. `replay`. */
  readonly command: string;
  onFinding(finding: Finding): void;
  onIncident(incident: Incident): void;
  onNote(text: string): void;
}

export interface Session {
  readonly engine: DetectionEngine;
  readonly enricher: FullEnricher;
  readonly directory: KeyDirectory;
  readonly deadLetters: DeadLetters;
  readonly pepper: Pepper;
  readonly store: SqliteStore | undefined;
  readonly lock: StateLock | undefined;
  /** Where streams were left, as the state knows them. */
  readonly saved: readonly StreamPosition[];
  /** Wall clock of the last checkpoint, epoch ms; undefined before the first. */
  readonly checkpointAt: number | undefined;
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
  const directory = loadRegistry(config.keys, loaded.folder);
  const pepper = loadPepper({ env, stateDir: folder });
  tellPepper(pepper, options);
  const geography = openGeography(geographyPaths(loaded));
  const { trustedProxies } = config;
  const enricher = createEnricher({ pepper, geography, trustedProxies });
  const engine = createEngine({
    subjectsMax: config.engine.subjectsMax,
    detectors: config.detectors,
    directory,
    geographyVersion: enricher.geographyVersion,
    durable: folder !== undefined,
    onFinding: options.onFinding,
    onIncident: options.onIncident,
  });
  const kept = folder === undefined ? undefined : await openKept(folder, pepper, options);
  const saved = kept === undefined ? [] : await restore(kept, engine, enricher);
  return createSession(options, { engine, enricher, directory, pepper, kept, saved, clock });
}

interface Kept {
  readonly lock: StateLock;
  readonly store: SqliteStore;
}

interface Parts {
  readonly engine: DetectionEngine;
  readonly enricher: FullEnricher;
  readonly directory: KeyDirectory;
  readonly pepper: Pepper;
  readonly kept: Kept | undefined;
  readonly saved: readonly StreamPosition[];
  readonly clock: Clock;
}

function createSession(options: SessionOptions, parts: Parts): Session {
  const { engine, enricher, kept, clock } = parts;
  const { checkpointMs, checkpointDirty } = options.config.config.state;
  const deadLetters = createDeadLetters();
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
    async checkpoint() {
      lastTriedAt = clock.now();
      const letters = deadLetters.drain();
      if (kept === undefined) return;
      const changed = engine.checkpoint();
      const groups = [...changed.groups];
      if (enricher.aliases.version !== aliasVersion) {
        aliasVersion = enricher.aliases.version;
        groups.push({ group: 0, part: ALIASES_PART, bytes: enricher.aliases.snapshot() });
      }
      await kept.store.commit({ ...changed, groups, deadLetters: letters });
      checkpointAt = clock.now();
    },
    isCheckpointDue: () =>
      kept !== undefined &&
      (engine.dirty >= checkpointDirty || clock.now() - lastTriedAt >= checkpointMs),
    async close() {
      await kept?.store.close();
      kept?.lock.release();
    },
  };
}

async function openKept(folder: string, pepper: Pepper, options: SessionOptions): Promise<Kept> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = lockStateFolder(folder, { command: options.command, clock: options.clock });
  try {
    const { deadLetterBytesMax, deadLetterDaysMax, usageMonthsMax } = options.config.config.state;
    const store = await openSqliteStore({
      folder,
      pepperFingerprint: pepper.fingerprint,
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
): Promise<readonly StreamPosition[]> {
  try {
    const state = await kept.store.load();
    if (state === undefined) return [];
    const aliases = state.groups.find((part) => part.part === ALIASES_PART);
    if (aliases !== undefined) enricher.restoreAliases(aliases.bytes);
    const groups = state.groups.filter((part) => part !== aliases);
    engine.restore({ ...state, groups });
    return state.streams;
  } catch (error) {
    await kept.store.close();
    kept.lock.release();
    throw error;
  }
}

function geographyPaths(loaded: LoadedConfig): GeographyOptions {
  const { city, asn } = loaded.config.geography;
  return {
    city: city === undefined ? undefined : path.resolve(loaded.folder, city),
    asn: asn === undefined ? undefined : path.resolve(loaded.folder, asn),
  };
}

function tellPepper(pepper: Pepper, options: SessionOptions): void {
  if (pepper.created) {
    options.onNote(
      `made the secret of the key hash: ${pepper.file}; keep a copy, without it keys are strangers again`,
    );
  }
  if (pepper.exposed) options.onNote(`others can read ${pepper.file}: chmod 600 it`);
}
