/**
 * Loads the configuration: `--config`, else `$KEYHOUND_CONFIG`, else `./keyhound.yaml`, else defaults.
 * All faults are found at once; a configuration with a fault is not used at all.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { type Config, configSchema, sourceSchema } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import { suggest } from '../core/suggest.ts';
import { checkCalendars } from './config/calendars.ts';
import {
  type ConfigDocument,
  joinPath,
  type PathPart,
  type RuleFault,
  readDocument,
  remoteReferences,
} from './config/document.ts';
import { faultsOf } from './config/faults.ts';
import { CONFIG_PARTS, type ConfigParts } from './config/parts.ts';
import { absolute } from './config/paths.ts';
import { checkRules, type RuledConfig } from './config/rules.ts';
import { configJsonSchema, type JsonSchema } from './config/schema.ts';
import type { ConfigFault, LoadedConfig } from './contract.ts';
import type { Secrets } from './secrets/contract.ts';
import { fetchSecrets } from './secrets/fetch.ts';

export interface ConfigRequest {
  /** `--config`. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Formats and detectors that may be named; all of this version unless given. */
  readonly parts?: ConfigParts;
  /** Also asked of what is right about the configuration, at `config check`: `checkFiles`. */
  readonly checkMore?: (config: RuledConfig, folder: string) => readonly RuleFault[];
  /** What `secretsOf` fetched. */
  readonly secrets?: Secrets | undefined;
}

export interface ConfigReading {
  readonly path: string | undefined;
  /** Undefined when there are faults. */
  readonly loaded: LoadedConfig | undefined;
  readonly faults: readonly ConfigFault[];
}

const DEFAULT_FILE = 'keyhound.yaml';

/**
 * Fetches what the configuration refers to in Vault or AWS Secrets Manager; to be given to `readConfig`. Calls nobody
 * where it refers to nothing. Throws `operating` when one of them cannot be reached.
 */
export async function secretsOf(request: ConfigRequest, signal: AbortSignal): Promise<Secrets> {
  const references = remoteReferences(findFile(request)?.text ?? '');
  return await fetchSecrets(references, request.env, signal);
}

/** Throws a usage error that lists every fault. */
export function loadConfig(request: ConfigRequest): LoadedConfig {
  const reading = readConfig(request);
  if (reading.loaded !== undefined) return reading.loaded;
  const count = reading.faults.length === 1 ? '1 fault' : `${reading.faults.length} faults`;
  const lines = reading.faults.map((fault) => `  ${faultInWords(fault)}`);
  throw new KeyhoundError('usage', [`${reading.path}: ${count}`, ...lines].join('\n'), {
    code: 'config-invalid',
    hint: 'docs/configuration.md, or `keyhound config docs`, lists every setting.',
  });
}

/** `line 4, sources[0].kind: must be one of …. Did you mean …?` */
export function faultInWords(fault: ConfigFault): string {
  const place = [fault.line === undefined ? '' : `line ${fault.line}`, fault.path];
  const where = place.filter((part) => part !== '').join(', ');
  const hint = fault.hint === undefined ? '' : `. ${fault.hint}`;
  return `${where === '' ? '' : `${where}: `}${fault.message}${hint}`;
}

/** Throws only when a file that was asked for cannot be read. */
export function readConfig(request: ConfigRequest): ConfigReading {
  const file = findFile(request);
  const folder = file === undefined ? resolve(request.cwd) : dirname(file.path);
  const { env, secrets } = request;
  const document = readDocument({ text: file?.text ?? '', env, folder, secrets });
  const path = file?.path;
  if (document.value === undefined) return { path, loaded: undefined, faults: document.faults };
  const { config, faults } = validate(document, request, folder);
  if (config === undefined) return { path, loaded: undefined, faults };
  return { path, loaded: { config: freeze(absolute(config, folder)), path, folder }, faults: [] };
}

function findFile(request: ConfigRequest): { path: string; text: string } | undefined {
  const asked = request.file ?? request.env['KEYHOUND_CONFIG'];
  const path = resolve(request.cwd, asked === undefined || asked === '' ? DEFAULT_FILE : asked);
  try {
    // Read more than once, a pipe is empty the second time: all would be as if nothing were configured.
    if (statSync(path).isFIFO()) throw pipeError(path);
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    if (error instanceof KeyhoundError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT' && (asked === undefined || asked === '')) return undefined;
    const from = request.file === undefined ? 'named by $KEYHOUND_CONFIG' : 'named by --config';
    throw new KeyhoundError('usage', `configuration ${path} cannot be read (${code})`, {
      code: 'config-unreadable',
      hint: `It is ${asked === undefined ? 'the default file' : from}; check path and permissions.`,
    });
  }
}

function pipeError(path: string): KeyhoundError {
  return new KeyhoundError('usage', `configuration ${path} is a pipe, not a file`, {
    code: 'config-unreadable',
    hint: 'Write it into a file. Secrets need not stand in it: ${env:NAME}, ${file:PATH}.',
  });
}

function validate(
  document: ConfigDocument,
  { parts = CONFIG_PARTS, checkMore }: ConfigRequest,
  folder: string,
): { config: Config | undefined; faults: ConfigFault[] } {
  const schema = configJsonSchema(
    parts.detectors,
    parts.formats.map((format) => format.id),
  );
  // First: it may put numbers in the place of texts that were filled in.
  const faults = detectorFaults(document, parts, schema);
  let parsed = configSchema.safeParse(document.value);
  if (!parsed.success && typeSubstituted(parsed.error.issues, [], document)) {
    parsed = configSchema.safeParse(document.value);
  }
  if (!parsed.success) faults.push(...faultsOf(parsed.error.issues, [], document, schema));
  const sound = parsed.success ? parsed.data : soundParts(document.value);
  const ids = parts.detectors.map(({ id }) => id);
  const rules = [
    ...checkRules(sound, parts.formats),
    ...checkCalendars(sound.calendars, ids, folder),
    ...(checkMore?.(sound, folder) ?? []),
  ];
  for (const { path, message, hint } of rules) {
    faults.push({ path: joinPath(path), line: document.line(path), message, hint });
  }
  // What could not be filled in is one fault, not also a text that is too short.
  const unfilled = new Set(document.faults.map(({ path }) => path));
  const all = [...document.faults, ...faults.filter(({ path }) => !unfilled.has(path))];
  all.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { config: parsed.success && all.length === 0 ? parsed.data : undefined, faults: all };
}

/** Settings of a source whose absence is a fault of its own: a wrong one must not be told as missing too. */
const NEEDED: readonly PropertyKey[] = [
  ...['path', 'token', 'logFormat', 'fields', 'topic', 'brokers', 'listen'],
];

/** What is right about a configuration with faults, so that rules find theirs at the same time. */
function soundParts(value: unknown): RuledConfig {
  const config: Record<string, unknown> = configSchema.parse({});
  if (typeof value !== 'object' || value === null) return config as RuledConfig;
  const given = value as Record<string, unknown>;
  for (const [name, schema] of Object.entries(configSchema.shape)) {
    const sound = soundPart(schema, given[name]);
    if (sound !== undefined) config[name] = sound;
  }
  if (Array.isArray(given['sources'])) {
    config['sources'] = given['sources'].map((source, i) =>
      soundPart(sourceSchema, source, NEEDED, { name: `unnamed-${i}` }),
    );
  }
  return config as RuledConfig;
}

/**
 * A mapping without its settings that are wrong, or with a stand-in for them; undefined where it is nothing without
 * them, or one is `needed`.
 */
function soundPart(
  schema: z.ZodType,
  value: unknown,
  needed: readonly PropertyKey[] = [],
  standIns: Readonly<Record<string, unknown>> = {},
): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const left: Record<PropertyKey, unknown> = { ...value };
  for (const issue of parsed.error.issues) {
    const [name] = issue.path;
    const names = name === undefined && issue.code === 'unrecognized_keys' ? issue.keys : [name];
    if (names.some((wrong) => wrong === undefined || needed.includes(wrong))) return undefined;
    for (const wrong of names) delete left[wrong!];
  }
  return schema.safeParse({ ...standIns, ...left }).data;
}

function detectorFaults(
  document: ConfigDocument,
  parts: ConfigParts,
  schema: JsonSchema,
): ConfigFault[] {
  const settings = (document.value as { detectors?: unknown }).detectors;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return [];
  const ids = parts.detectors.map((part) => part.id);
  return Object.entries(settings).flatMap(([id, value]) => {
    const part = parts.detectors.find((candidate) => candidate.id === id);
    const base = ['detectors', id];
    if (part === undefined) {
      const nearest = suggest(id, ids);
      const hint = nearest === undefined ? `One of ${ids.join(', ')}.` : `Did you mean ${nearest}?`;
      const line = document.keyLine(['detectors'], id);
      return [{ path: joinPath(base), line, message: 'unknown detector', hint }];
    }
    let parsed = part.schema.safeParse(value);
    if (!parsed.success && typeSubstituted(parsed.error.issues, base, document)) {
      parsed = part.schema.safeParse((settings as Record<string, unknown>)[id]);
    }
    return parsed.success ? [] : faultsOf(parsed.error.issues, base, document, schema);
  });
}

/**
 * `${env:NAME}` brings text; where a number or a boolean is expected and the text is one, it takes its
 * place in the document. True when anything was replaced.
 */
function typeSubstituted(
  issues: readonly { code?: string | undefined; expected?: string; path: PropertyKey[] }[],
  base: readonly PathPart[],
  document: ConfigDocument,
): boolean {
  let replaced = false;
  for (const issue of issues) {
    if (issue.code !== 'invalid_type') continue;
    const path = [...base, ...(issue.path as PathPart[])];
    if (!document.substituted(path)) continue;
    let holder = document.value as Record<PathPart, unknown>;
    for (const part of path.slice(0, -1)) holder = holder[part] as Record<PathPart, unknown>;
    const last = path.at(-1)!;
    const typed = typedText(String(holder[last]), issue.expected);
    if (typed === undefined) continue;
    holder[last] = typed;
    replaced = true;
  }
  return replaced;
}

function typedText(text: string, expected: string | undefined): number | boolean | undefined {
  if (expected === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (expected !== 'number' && expected !== 'int') return undefined;
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
