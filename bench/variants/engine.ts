/** What the engine variants share. */
import type { KeyDirectory } from '../../core/directory.ts';
import { createEngine, type DetectionEngine } from '../../detectors/engine/engine.ts';

/** 2026-05-04T10:00:00Z: a whole hour. */
export const hour = 1_777_888_800_000;
/** Keys nobody registered are admitted at once while the table is less than a quarter full. */
const ROOM = 5;

export const emptyDirectory: KeyDirectory = Object.freeze({
  version: 'none',
  size: 0,
  entry: () => undefined,
  declared: () => undefined,
  withLabel: () => [],
  all: () => [],
});

export function newEngine(keys: number, durable: boolean): DetectionEngine {
  return createEngine({
    subjectsMax: Math.max(keys * ROOM, 256 * 64),
    detectors: {},
    directory: emptyDirectory,
    geographyVersion: 'bench',
    durable,
    onFinding: () => {},
    onIncident: () => {},
  });
}

/** CPU seconds of this process so far. */
export function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
