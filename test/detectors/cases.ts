/**
 * Fixture cases of detectors, found by folder: test/fixtures/detectors/ID or …/ID/CASE holding
 * `events.ndjson` (see fixture-events.ts), `findings.json` (every finding as its last revision tells it, in order
 * of opening) and `config.json` (a configuration; `detectors`, `keys` and `consumers` are read). Detectors that the
 * configuration does not name are switched off, but for the one that the folder names. `controls.ndjson`, where there
 * is one, holds what is no traffic: `{"at":…,"kind":…,"body":…}`, applied before the first later event.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, configSchema } from '../../core/config.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { ApiEvent } from '../../core/event.ts';
import type { Finding } from '../../core/finding.ts';
import type { ControlRecord } from '../../core/store.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { readEvents } from './fixture-events.ts';

const ROOT = join(import.meta.dirname, '../fixtures/detectors');

export interface Case {
  readonly name: string;
  readonly detectorId: string;
  readonly folder: string;
  readonly settings: Config['detectors'];
  readonly directory: KeyDirectory;
  events(): ApiEvent[];
  controls(): ControlRecord[];
  /** Undefined while nobody has written it. */
  readonly findings: readonly Finding[] | undefined;
}

export const FINDINGS_FILE = 'findings.json';

export function casesOf(detectorId: string, root = ROOT): Case[] {
  const folder = join(root, detectorId);
  if (!existsSync(folder)) return [];
  const own = existsSync(join(folder, 'events.ndjson'))
    ? [readCase(detectorId, folder, detectorId)]
    : [];
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => readCase(detectorId, join(folder, name), `${detectorId}/${name}`));
  return [...own, ...below];
}

export function fixtureFolders(): string[] {
  return readdirSync(ROOT);
}

function readCase(detectorId: string, folder: string, name: string): Case {
  const config = configSchema.parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
  const findings = join(folder, FINDINGS_FILE);
  const directory = loadRegistry(config.keys, folder, config.consumers);
  return {
    name,
    detectorId,
    folder,
    settings: config.detectors,
    directory,
    events: () => readEvents(join(folder, 'events.ndjson'), directory),
    controls: () => readControls(join(folder, 'controls.ndjson')),
    findings: existsSync(findings)
      ? (JSON.parse(readFileSync(findings, 'utf8')) as Finding[])
      : undefined,
  };
}

function readControls(path: string): ControlRecord[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((text, i) => {
    const { at, kind, body } = JSON.parse(text) as Omit<ControlRecord, 'at'> & { at: string };
    return { sequence: i + 1, at: Date.parse(at), kind, body };
  });
}
