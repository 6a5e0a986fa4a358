/** A part that exists but stands in no list would never run. */
import { posix } from 'node:path';
import type { SourceFile } from './files.ts';
import { importsOf } from './imports.ts';
import { mask } from './mask.ts';

export interface ListRule {
  readonly list: string;
  /** Folder whose files are looked at, without its subfolders. */
  readonly folder: string;
  /** What a file that belongs into the list has in its code. */
  readonly part: RegExp;
  /** Folder that holds one of fixtures for each part, named like its file. */
  readonly fixtures?: string;
}

export const LISTS: readonly ListRule[] = [
  {
    list: 'ingest/formats/list.ts',
    folder: 'ingest/formats/',
    part: /^export const \w+(?:: Format = |\b.*\bdefineFormat\()|\bsatisfies Format\b/m,
    fixtures: 'test/fixtures/formats/',
  },
  {
    list: 'detectors/list.ts',
    folder: 'detectors/',
    part: /^export const \w+.*\bdefineDetector\b/m,
    fixtures: 'test/fixtures/detectors/',
  },
  {
    list: 'cli/commands/list.ts',
    folder: 'cli/commands/',
    part: /^export const \w+ = defineCommand\(/m,
  },
  {
    list: 'responders/channels/list.ts',
    folder: 'responders/channels/',
    part: /\bsatisfies ChannelKind\b/,
  },
];

/** Parts that their list does not import. */
export function missingFromList(files: readonly SourceFile[], rule: ListRule): string[] {
  const list = files.find((file) => file.path === rule.list);
  const listed = new Set(list === undefined ? [] : importsOf(list));
  return partsOf(files, rule)
    .filter((path) => !listed.has(path))
    .map((path) => `${path}: not in ${rule.list}`);
}

/** Parts without a folder of fixtures; `folders` are the names found there. */
export function withoutFixtures(
  files: readonly SourceFile[],
  rule: ListRule,
  folders: readonly string[],
): string[] {
  return partsOf(files, rule)
    .filter((path) => !folders.includes(posix.basename(path, '.ts')))
    .map((path) => `${path}: no fixtures in ${rule.fixtures}${posix.basename(path, '.ts')}/`);
}

export function partsOf(files: readonly SourceFile[], rule: ListRule): string[] {
  return files
    .filter(({ path }) => path.startsWith(rule.folder) && path !== rule.list)
    .filter(({ path }) => !path.slice(rule.folder.length).includes('/'))
    .filter(({ text }) => rule.part.test(mask(text).code))
    .map(({ path }) => path);
}
