/** Who may import whom: the table of docs/ARCHITECTURE.md, drivers in store/ only, no cycles. */
import { posix } from 'node:path';
import type { Folder, SourceFile } from './files.ts';
import { mask } from './mask.ts';

const ALL: readonly Folder[] = [
  'core',
  'enrich',
  'ingest',
  'detectors',
  'responders',
  'decide',
  'store',
  'console',
  'traffic',
];

/** Beside a folder's own files. */
export const MAY_IMPORT: Readonly<Record<Folder, readonly Folder[]>> = {
  core: [],
  enrich: ['core'],
  detectors: ['core'],
  store: ['core'],
  ingest: ['core', 'enrich'],
  responders: ['core', 'enrich'],
  decide: ['core', 'enrich'],
  console: ['core', 'enrich'],
  traffic: ['core'],
  app: ALL,
  cli: ['app', 'core'],
  // The servers and processes that tests start are those that are measured.
  bench: [...ALL, 'app', 'cli', 'test'],
  deploy: ['core', 'traffic', 'app'],
  test: [...ALL, 'app', 'cli', 'bench', 'deploy'],
};

const DRIVERS = ['node:sqlite', 'kafkajs', 'ioredis', 'bullmq', '@elastic/elasticsearch'];
/** Folders that may look into a store by hand. */
const DRIVER_FOLDERS = ['store', 'test', 'bench'];

const STATIC = /^[ \t]*(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*(['"])([^'"]+)\1/gm;
const DYNAMIC = /\bimport\(\s*(['"])([^'"]+)\1/g;

/** Specifiers of everything a file imports, types included. */
export function specifiersOf(text: string): string[] {
  const { code } = mask(text);
  return [...code.matchAll(STATIC), ...code.matchAll(DYNAMIC)].map((match) => match[2]!);
}

/** Paths of our own files that a file imports. */
export function importsOf(file: SourceFile): string[] {
  return specifiersOf(file.text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.normalize(posix.join(posix.dirname(file.path), specifier)));
}

export function importFaults(file: SourceFile): string[] {
  const own = folderOf(file.path);
  const allowed = [own, ...(MAY_IMPORT[own as Folder] ?? [])];
  const sideways = importsOf(file)
    .filter((path) => !path.startsWith('types/') && !allowed.includes(folderOf(path)))
    .map((path) => `${file.path}: ${own}/ may not import ${path}; allowed: ${allowed.join(', ')}`);
  const drivers = specifiersOf(file.text)
    .filter((specifier) => DRIVERS.includes(specifier) && !DRIVER_FOLDERS.includes(own))
    .map((specifier) => `${file.path}: ${specifier} is imported in store/ only`);
  return [...sideways, ...drivers];
}

function folderOf(path: string): string {
  return path.slice(0, path.indexOf('/'));
}

/** As importsOf, without `import type`, which is gone when the program runs. */
function runningImportsOf(file: SourceFile): string[] {
  return importsOf({
    path: file.path,
    text: file.text.replace(/^(?:import|export) type [^;'"]*from\s*(['"])[^'"]+\1;?/gm, ''),
  });
}

/** Each cycle once, as `a → b → a`. */
export function cycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, runningImportsOf(file)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      found.push([...trail.slice(seenAt), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

/** Files that no entry leads to. */
export function unreached(files: readonly SourceFile[], entries: readonly string[]): string[] {
  const graph = new Map(files.map((file) => [file.path, importsOf(file)]));
  const reached = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    queue.push(...(graph.get(path) ?? []));
  }
  return [...graph.keys()].filter((path) => !reached.has(path));
}
