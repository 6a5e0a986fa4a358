/** Words of the command line → a command with typed options. Wrong words get the nearest right one. */
import { parseArgs } from 'node:util';
import { KeyhoundError } from '../core/errors.ts';
import { suggest } from '../core/suggest.ts';
import { COMMON_OPTIONS, type Command, type OptionSpec, type OptionTable } from './command.ts';
import { readDuration, readInstant, readNumber } from './values.ts';

export interface Parsed {
  readonly options: Readonly<Record<string, unknown>>;
  readonly args: readonly string[];
}

/**
 * Splits off the command. Options may stand before it (`--json keys`); a word that names no command is
 * an error. Undefined: no command was given.
 */
export function chooseCommand(
  words: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: readonly string[] } | undefined {
  const first = commandIndex(words);
  const word = words[first];
  if (word === undefined) return undefined;
  const next = words[first + 1];
  const two = commands.find((command) => command.name === `${word} ${next}`);
  if (two !== undefined) return { command: two, rest: without(words, first, 2) };
  const one = commands.find((command) => command.name === word);
  const family = commands.filter((command) => command.name.startsWith(`${word} `));
  if (one !== undefined && !mistypedPart(one, family, next)) {
    return { command: one, rest: without(words, first, 1) };
  }
  if (one !== undefined || family.length > 0) throw unknownPart(word, next, family);
  throw unknownCommand(word, commands);
}

/** The commands under a word that is none by itself (`silence --help`), where help is asked for and no part named. */
export function familyAsked(
  words: readonly string[],
  commands: readonly Command[],
): readonly Command[] | undefined {
  if (!words.includes('--help') && !words.includes('-h')) return undefined;
  const first = commandIndex(words);
  const next = words[first + 1];
  if (next !== undefined && !next.startsWith('-')) return undefined;
  if (commands.some(({ name }) => name === words[first])) return undefined;
  const family = commands.filter(({ name }) => name.startsWith(`${words[first]} `));
  return family.length === 0 ? undefined : family;
}

/**
 * Options of every command may come first; `--config FILE` takes the word after it. After any other option
 * the words are of the default command (`--seed 7`): answers the end.
 */
function commandIndex(words: readonly string[]): number {
  let i = 0;
  while (i < words.length && words[i]!.startsWith('-') && words[i] !== '-') {
    const name = words[i]!.replace(/^--?/, '').replace(/=.*/, '');
    if (!Object.hasOwn(COMMON_OPTIONS, name) && name !== 'h') return words.length;
    i += words[i] === '--config' ? 2 : 1;
  }
  return i;
}

function without(words: readonly string[], index: number, count: number): string[] {
  return [...words.slice(0, index), ...words.slice(index + count)];
}

/** `keys shwo` means `keys show`: a command without arguments of its own cannot take the word. */
function mistypedPart(one: Command, family: readonly Command[], next: string | undefined): boolean {
  return (
    family.length > 0 && next !== undefined && !next.startsWith('-') && one.positionals.max === 0
  );
}

function unknownPart(
  word: string,
  next: string | undefined,
  family: readonly Command[],
): KeyhoundError {
  const parts = family.map((command) => command.name.slice(word.length + 1));
  if (next === undefined || next.startsWith('-')) {
    return usage(`${word}: say what to do`, `One of: ${family.map((c) => c.name).join(', ')}.`);
  }
  const nearest = suggest(next, parts);
  return usage(
    `${word}: unknown word "${next}"`,
    nearest === undefined
      ? `One of: ${family.map((c) => c.name).join(', ')}.`
      : `Did you mean \`keyhound ${word} ${nearest}\`?`,
  );
}

function unknownCommand(word: string, commands: readonly Command[]): KeyhoundError {
  const names = [...new Set(commands.map((command) => command.name.split(' ')[0]!))];
  const nearest = suggest(word, names);
  return usage(
    `unknown command "${word}"`,
    nearest === undefined
      ? 'See `keyhound --help` for the commands.'
      : `Did you mean \`keyhound ${nearest}\`?`,
  );
}

/** Throws a usage error at the first wrong word. */
export function parseWords(command: Command, words: readonly string[], now: number): Parsed {
  const table: OptionTable = { ...command.options, ...COMMON_OPTIONS };
  const { tokens } = parseArgs({
    args: [...words],
    options: parseArgsOptions(table),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) if (spec.type === 'flag') options[name] = false;
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (spec === undefined) throw unknownOption(command, token.rawName, Object.keys(table));
    options[token.name] = readValue(token.name, spec, token.value, now);
  }
  if (options['help'] !== true) checkCount(command, args);
  return { options, args };
}

function parseArgsOptions(
  table: OptionTable,
): Record<string, { type: 'boolean' | 'string'; short?: string }> {
  return Object.fromEntries(
    Object.entries(table).map(([name, spec]) => [
      name,
      {
        type: spec.type === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(spec.short === undefined ? {} : { short: spec.short }),
      },
    ]),
  );
}

function unknownOption(command: Command, raw: string, known: readonly string[]): KeyhoundError {
  const nearest = suggest(raw.replace(/^-+/, ''), known);
  return usage(
    `${command.name}: unknown option ${raw}`,
    nearest === undefined
      ? `See \`keyhound ${command.name} --help\`.`
      : `Did you mean --${nearest}?`,
  );
}

function readValue(name: string, spec: OptionSpec, text: string | undefined, now: number): unknown {
  if (spec.type === 'flag') {
    if (text === undefined) return true;
    throw usage(`--${name} takes no value`, `Write --${name} alone.`);
  }
  if (text === undefined || text === '') {
    throw usage(`--${name} needs a value`, allowed(spec));
  }
  const value = typed(spec, text, now);
  if (value !== undefined) return value;
  const choices = spec.type === 'choice' || spec.type === 'choices' ? spec.choices : [];
  const nearest = suggest(text, choices);
  throw usage(
    `--${name}: "${text}" is not ${kindInWords(spec)}`,
    nearest === undefined ? allowed(spec) : `Did you mean ${nearest}? ${allowed(spec)}`,
  );
}

function typed(spec: OptionSpec, text: string, now: number): unknown {
  switch (spec.type) {
    case 'number':
      return readNumber(text, spec.min, spec.max);
    case 'duration':
      return readDuration(text);
    case 'instant':
      return readInstant(text, now);
    case 'choice':
      return spec.choices.includes(text) ? text : undefined;
    case 'choices': {
      const parts = text.split(',');
      return parts.every((part) => spec.choices.includes(part)) ? parts : undefined;
    }
    default:
      return text;
  }
}

function kindInWords(spec: OptionSpec): string {
  if (spec.type === 'number') return 'a whole number within bounds';
  if (spec.type === 'duration') return 'a duration';
  if (spec.type === 'instant') return 'an instant';
  return 'one of the choices';
}

function allowed(spec: OptionSpec): string {
  switch (spec.type) {
    case 'number':
      return `From ${spec.min} to ${spec.max}.`;
    case 'duration':
      return 'E.g. 90s, 15m, 2h, 7d.';
    case 'instant':
      return 'E.g. 2h (ago), 2026-03-01 or 2026-03-01T10:00:00Z.';
    case 'choice':
    case 'choices':
      return `One of ${spec.choices.join(', ')}.`;
    case 'text':
      return `It takes ${spec.value}.`;
    default:
      return '';
  }
}

function checkCount(command: Command, args: readonly string[]): void {
  const { min, max, usage: words } = command.positionals;
  if (args.length < min) {
    throw usage(`${command.name}: ${words} is missing`, seeHelp(command));
  }
  if (args.length > max) {
    // The words are not repeated: one of them may be a raw key, pasted by mistake.
    throw usage(`${command.name}: ${args.length} words, ${max} at most`, seeHelp(command));
  }
}

function seeHelp(command: Command): string {
  return `See \`keyhound ${command.name} --help\`.`;
}

function usage(message: string, hint: string): KeyhoundError {
  return new KeyhoundError('usage', message, { hint });
}
