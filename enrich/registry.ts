/**
 * The key registry: what the operator tells about keys, out of the configuration or a CSV or JSON file.
 * All faults are told at once with their lines. Messages name fields and lines, never a value: somebody
 * may have pasted raw keys where ids belong.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type Config, type ConsumerConfig, type KeyEntry, keyEntrySchema } from '../core/config.ts';
import type { KeyDirectory } from '../core/directory.ts';
import { KeyhoundError } from '../core/errors.ts';
import { Declarations } from './declarations.ts';
import { parseCsvRegistry, parseJsonRegistry, type RawEntry } from './registry-file.ts';
import { scopeFaults } from './scopes.ts';
import { isTimeZone } from './zones.ts';

const FAULTS_SHOWN = 20;
const FILE_BYTES_MAX = 256 << 20;

/** Where an entry stands and what is wrong with it. */
type Report = (entry: { readonly line: number; readonly index: number }, message: string) => void;

interface Located {
  readonly line: number;
  readonly index: number;
  readonly entry: KeyEntry;
}

/** `baseDir`: folder that a relative path in the configuration starts from. Throws `usage` with all faults. */
export function loadRegistry(
  keys: Config['keys'],
  baseDir: string,
  consumers: readonly ConsumerConfig[] = [],
): KeyDirectory {
  const file = typeof keys === 'string' ? path.resolve(baseDir, keys) : undefined;
  const faults: string[] = [];
  const report: Report = ({ line, index }, message) => {
    faults.push(line > 0 ? `line ${line}: ${message}` : `entry ${index + 1}: ${message}`);
  };
  const raw = typeof keys === 'string' ? readRegistry(file ?? keys, report) : withoutLines(keys);
  const located = validated(raw, report);
  checkTogether(located, report);
  if (faults.length > 0) throw refusal(file, faults);
  return directoryOf(
    located.map(({ entry }) => entry),
    consumers,
  );
}

function withoutLines(keys: readonly unknown[]): RawEntry[] {
  return keys.map((value) => ({ line: 0, value }));
}

function readRegistry(file: string, report: Report): readonly RawEntry[] {
  const text = readText(file);
  const isJson = /\.json$/i.test(file) || (!/\.csv$/i.test(file) && /^\s*[[{]/.test(text));
  const { entries, faults } = isJson ? parseJsonRegistry(text) : parseCsvRegistry(text);
  for (const { line, message } of faults) report({ line, index: 0 }, message);
  return entries;
}

function readText(file: string): string {
  try {
    if (fs.statSync(file).size > FILE_BYTES_MAX) throw new Error('larger than 256 MiB');
    // Editors on Windows put a byte order mark in front, which JSON.parse refuses.
    return fs.readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch (cause) {
    throw new KeyhoundError('usage', `keys: cannot read ${file}`, {
      cause,
      code: 'keys-unreadable',
    });
  }
}

function validated(raw: readonly RawEntry[], report: Report): Located[] {
  const located: Located[] = [];
  raw.forEach(({ line, value }, index) => {
    const parsed = keyEntrySchema.safeParse(value);
    if (parsed.success) {
      const fault = (message: string) => report({ line, index }, message);
      checkEntry(parsed.data, fault);
      located.push({ line, index, entry: parsed.data });
      return;
    }
    for (const issue of parsed.error.issues) {
      const field = issue.path.join('.');
      report({ line, index }, field === '' ? issue.message : `${field}: ${issue.message}`);
    }
  });
  return located;
}

const ID = /^(?:h:[0-9a-f]{32}|ip:[0-9a-fA-F:.]+|(?!h:|ip:)[A-Za-z][A-Za-z0-9_.-]*:.+)$/;

function checkEntry(entry: KeyEntry, fault: (message: string) => void): void {
  for (const field of ['id', 'predecessor'] as const) {
    const id = entry[field];
    if (id === undefined || ID.test(id)) continue;
    fault(
      `${field}: must be GATEWAY:credential-id, or h: and 32 hexadecimal digits; never a raw key`,
    );
  }
  if (entry.timeZone !== undefined && !isTimeZone(entry.timeZone)) {
    fault('timeZone: no IANA time zone, e.g. Europe/Berlin');
  }
  for (const { field, index, message } of scopeFaults(entry.scope)) {
    fault(`scope.${field}: ${index + 1} of the list ${message}`);
  }
  const { createdAt, rotatedAt } = entry;
  if (createdAt !== undefined && rotatedAt !== undefined) {
    if (Date.parse(rotatedAt) < Date.parse(createdAt)) fault('rotatedAt: before createdAt');
  }
}

/** Unique ids, and no key that is its own predecessor over however many steps. */
function checkTogether(located: readonly Located[], report: Report): void {
  const byId = new Map<string, Located>();
  for (const one of located) {
    const first = byId.get(one.entry.id);
    if (first === undefined) byId.set(one.entry.id, one);
    else {
      const where = first.line > 0 ? `line ${first.line}` : `entry ${first.index + 1}`;
      report(one, `id: the same as in ${where}`);
    }
  }
  const settled = new Set<string>();
  for (const one of byId.values()) {
    const trail = new Set<string>();
    let at: Located | undefined = one;
    while (at !== undefined && !settled.has(at.entry.id)) {
      if (trail.has(at.entry.id)) {
        report(at, 'predecessor: leads back to the key itself');
        break;
      }
      trail.add(at.entry.id);
      at = at.entry.predecessor === undefined ? undefined : byId.get(at.entry.predecessor);
    }
    for (const id of trail) settled.add(id);
  }
}

function refusal(file: string | undefined, faults: readonly string[]): KeyhoundError {
  const shown = faults.slice(0, FAULTS_SHOWN);
  const more = faults.length - shown.length;
  if (more > 0) shown.push(`and ${more} more`);
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  const where = file === undefined ? 'keys' : `keys: ${file}`;
  return new KeyhoundError('usage', `${where}: ${count}\n  ${shown.join('\n  ')}`, {
    code: 'keys-invalid',
  });
}

function directoryOf(
  entries: readonly KeyEntry[],
  consumers: readonly ConsumerConfig[],
): KeyDirectory {
  const byId = new Map<string, KeyEntry>();
  const byLabel = new Map<string, KeyEntry[]>();
  for (const entry of entries) {
    byId.set(entry.id, Object.freeze(entry));
    if (entry.label === undefined) continue;
    const same = byLabel.get(entry.label);
    if (same === undefined) byLabel.set(entry.label, [entry]);
    else same.push(entry);
  }
  const declared = new Declarations(byId, consumers);
  return Object.freeze({
    version: versionOf([...entries, ...consumers]),
    size: byId.size,
    entry: (id: string) => byId.get(id),
    declared: (id: string, consumer: string) => declared.of(id, consumer),
    withLabel: (label: string) => byLabel.get(label) ?? [],
    all: () => byId.values(),
  });
}

/** The same content gives the same version, in whatever order and form it was written. */
function versionOf(entries: readonly object[]): string {
  const lines = entries.map((entry) => JSON.stringify(sorted(entry))).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).filter(([, inner]) => inner !== undefined);
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(pairs.map(([name, inner]) => [name, sorted(inner)]));
}
