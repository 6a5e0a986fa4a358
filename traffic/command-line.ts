/** Flags of `npm run traffic`. Every fault is a usage error that names the flag and the nearest right word. */
import { parseArgs } from 'node:util';
import { KeyhoundError } from '../core/errors.ts';
import { suggest } from '../core/suggest.ts';
import {
  ATTACK_KINDS,
  type AttackKind,
  KEY_CLASSES,
  type KeyClass,
  SCENARIO_KINDS,
  type ScenarioKind,
  type TrafficOptions,
  USUAL_ATTACK_KINDS,
} from './contract.ts';
import { planScenarios } from './scenarios.ts';
import { DEFAULT_FROM_AT } from './traffic.ts';
import { FORMAT_NAMES, type FormatName } from './write.ts';

export const USAGE = `Writes what the seeded traffic model makes.

  npm run traffic -- --seed N --keys N --days N [options] --out FILE

  --out FILE            where to write; .gz compresses; - is stdout
  --seed N              equal seeds give equal bytes (default 1)
  --keys N              number of API keys (default 200)
  --days N              length of the span (default 28)
  --format NAME         ${FORMAT_NAMES.join(', ')} (default kong)
  --attacks N           attacks in the last part of the span, at most one a key (default 0)
  --attack-kinds LIST   of ${wrapped(ATTACK_KINDS)}
                        (default ${USUAL_ATTACK_KINDS.join(', ')})
  --scenarios LIST      innocent events in the last part of the span, one a day, of
                        ${wrapped(SCENARIO_KINDS)}
  --labels FILE         who was attacked when, one JSON a line
  --registry FILE       the keys as JSON for "keys:" of the configuration (label, consumer, plan, time zone)
  --from ISO            begin of the span (default 2026-05-04T00:00:00Z)
  --rate MIN..MAX       mean requests per second of a key (default 0.0005..0.02)
  --classes LIST        of ${KEY_CLASSES.join(', ')}, evenly
  --lines MAX           stop after so many lines
  --no-novelty          nothing new ever happens to a key
  --help

Example: npm run traffic -- --seed 7 --keys 50 --days 14 --attacks 5 --out kong.ndjson.gz --labels labels.ndjson
Labels for formats with raw keys (nginx, combined, json) name the subject when KEYHOUND_PEPPER is set.
`;

/** A list over several lines, as far in as the flags' texts. */
function wrapped(words: readonly string[]): string {
  let text = '';
  let column = 0;
  for (const [i, word] of words.entries()) {
    const part = i + 1 < words.length ? `${word}, ` : word;
    if (column + part.length > 88) {
      text = `${text.trimEnd()}\n${' '.repeat(24)}`;
      column = 0;
    }
    text += part;
    column += part.length;
  }
  return text;
}

const FLAGS = {
  out: { type: 'string' },
  seed: { type: 'string', default: '1' },
  keys: { type: 'string', default: '200' },
  days: { type: 'string', default: '28' },
  format: { type: 'string', default: 'kong' },
  attacks: { type: 'string', default: '0' },
  'attack-kinds': { type: 'string' },
  scenarios: { type: 'string' },
  labels: { type: 'string' },
  registry: { type: 'string' },
  from: { type: 'string' },
  rate: { type: 'string' },
  classes: { type: 'string' },
  lines: { type: 'string' },
  'no-novelty': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export interface Command {
  readonly help: boolean;
  readonly options: TrafficOptions;
  readonly format: FormatName;
  readonly out: string;
  readonly labels: string | undefined;
  readonly registry: string | undefined;
  /** Infinity without --lines. */
  readonly linesMax: number;
}

/** Throws KeyhoundError of kind `usage`. */
export function parseCommand(args: readonly string[]): Command {
  const values = parseFlags(args);
  const out = values.out;
  if (out === undefined && !values.help) fail('--out FILE is missing');
  const keys = whole('keys', values.keys, 1);
  const attacks = whole('attacks', values.attacks, 0);
  if (attacks > keys) fail(`--attacks ${attacks} is more than --keys ${keys}: at most one a key`);
  const kinds = values['attack-kinds'];
  const days = positive('days', values.days);
  const fromAt = values.from === undefined ? DEFAULT_FROM_AT : instant(values.from);
  return {
    help: values.help,
    format: oneOf('format', values.format, FORMAT_NAMES),
    out: out ?? '',
    labels: values.labels,
    registry: values.registry,
    linesMax:
      values.lines === undefined ? Number.POSITIVE_INFINITY : whole('lines', values.lines, 1),
    options: {
      seed: whole('seed', values.seed, 0),
      keys,
      days,
      attacks,
      novelty: !values['no-novelty'],
      ...(values.from === undefined ? {} : { fromAt }),
      ...(values.rate === undefined ? {} : { rates: range(values.rate) }),
      ...(values.classes === undefined ? {} : { classMix: mixOf(values.classes) }),
      ...(kinds === undefined ? {} : { attackKinds: listOf('attack-kinds', kinds, ATTACK_KINDS) }),
      ...(values.scenarios === undefined
        ? {}
        : { scenarios: scenarios(values.scenarios, { fromAt, days }) }),
    },
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true, allowPositionals: false })
      .values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unknown = /Unknown option '(--?[^' ]+)/.exec(message)?.[1];
    if (unknown === undefined) return fail(message.split('.')[0]!);
    const nearest = suggest(unknown.replace(/^-+/, ''), Object.keys(FLAGS));
    return fail(`unknown option ${unknown}`, nearest === undefined ? undefined : `--${nearest}`);
  }
}

function fail(message: string, nearest?: string): never {
  const tail = nearest === undefined ? '' : `. Did you mean ${nearest}?`;
  throw new KeyhoundError('usage', message + tail, { hint: 'npm run traffic -- --help' });
}

function whole(flag: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < min) {
    fail(`--${flag}: "${text}" is not a whole number of at least ${min}`);
  }
  return value;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) fail(`--${flag}: "${text}" is not a number above 0`);
  return value;
}

function instant(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) fail(`--from: "${text}" is not a time such as 2026-05-04T00:00:00Z`);
  return at;
}

function range(text: string): { min: number; max: number } {
  const [low, high] = text.split('..');
  const min = positive('rate', low ?? '');
  const max = high === undefined ? min : positive('rate', high);
  if (max < min) fail(`--rate: ${min} is above ${max}; write MIN..MAX`);
  return { min, max };
}

function mixOf(text: string): Partial<Record<KeyClass, number>> {
  return Object.fromEntries(listOf('classes', text, KEY_CLASSES).map((name) => [name, 1]));
}

function scenarios(list: string, span: { readonly fromAt: number; readonly days: number }) {
  return planScenarios(listOf('scenarios', list, SCENARIO_KINDS), span);
}

function listOf<T extends AttackKind | KeyClass | ScenarioKind>(
  flag: string,
  text: string,
  allowed: readonly T[],
): T[] {
  return text.split(',').map((word) => oneOf(flag, word.trim(), allowed));
}

function oneOf<T extends string>(flag: string, word: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === word);
  return (
    found ?? fail(`--${flag}: "${word}" is none of ${allowed.join(', ')}`, suggest(word, allowed))
  );
}
