/** The project's TypeScript files, as paths from its root with `/`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const FOLDERS = [
  'core',
  'enrich',
  'ingest',
  'detectors',
  'responders',
  'decide',
  'store',
  'console',
  'app',
  'cli',
  'traffic',
  'bench',
  'deploy',
  'test',
] as const;
export type Folder = (typeof FOLDERS)[number];

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export function readSources(): SourceFile[] {
  return FOLDERS.flatMap((folder) => listTypeScript(folder)).map((path) => ({
    path,
    text: readFileSync(join(ROOT, path), 'utf8'),
  }));
}

function listTypeScript(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return names
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !path.includes('/fixtures/'))
    .sort();
}
