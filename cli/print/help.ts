/** `--help`, made from the tables of options. */
import { COMMON_OPTIONS, type Command, type OptionSpec, type OptionTable } from '../command.ts';
import { EXIT } from '../exit.ts';
import { pad, type Style } from './style.ts';
import { wrapText } from './table.ts';

const TEXT_COLUMNS_MAX = 94;

const BESIDE_COLUMNS_MIN = 30;
const STATUSES = [
  [EXIT.done, 'done'],
  [EXIT.failed, 'failed while running'],
  [EXIT.usage, 'wrong use or configuration'],
  [EXIT.verdict, 'done, with a bad verdict'],
  [EXIT.waiting, 'waits for approval'],
  [EXIT.held, 'held by a brake'],
  [EXIT.interrupted, 'interrupted, the state saved'],
  [EXIT.terminated, 'ended by SIGTERM, the state saved'],
] as const;

/** `columns`: of the terminal. */
export function generalHelp(
  commands: readonly Command[],
  version: string,
  style: Style,
  columns: number,
): string[] {
  const wrapped = (text: string): string[] => wrapText(text, Math.min(TEXT_COLUMNS_MAX, columns));
  return [
    ...wrapped(
      `keyhound ${version}: watches how every API key is used and says when one is abused.`,
    ),
    '',
    `${style.bold('Usage:')} keyhound COMMAND [options]`,
    '(in a checkout: npm start -- COMMAND …)',
    '',
    style.bold('Commands:'),
    ...commandLines(commands, columns),
    '',
    style.bold('Options of every command:'),
    ...optionLines(COMMON_OPTIONS, columns),
    '',
    ...wrapped(
      'Without a command the demo runs. `keyhound COMMAND --help` shows its options and examples.',
    ),
    '',
    style.bold('Exit status:'),
    ...STATUSES.map(([status, means]) => `  ${pad(String(status), 3, 'right')}  ${means}`),
  ];
}

export function commandHelp(command: Command, style: Style, columns: number): string[] {
  const own = Object.keys(command.options).length > 0;
  const wrapped = (text: string): string[] => wrapText(text, Math.min(TEXT_COLUMNS_MAX, columns));
  return [
    `${style.bold('keyhound')} ${usageOf(command)}${own ? ' [options]' : ''}`,
    '',
    ...wrapped(command.summary),
    ...(command.detail ?? []).flatMap(wrapped),
    ...(own ? ['', style.bold('Options:'), ...optionLines(command.options, columns)] : []),
    '',
    style.bold('Options of every command:'),
    ...optionLines(COMMON_OPTIONS, columns),
    '',
    style.bold('Examples:'),
    // What is to be typed is not broken.
    ...command.examples.flatMap(([line, does]) => [
      `  keyhound ${line}`,
      ...beside(' '.repeat(6), does, columns),
    ]),
  ];
}

export function familyHelp(family: readonly Command[], style: Style, columns: number): string[] {
  const word = family[0]!.name.split(' ')[0]!;
  return [
    `${style.bold('keyhound')} ${word} …`,
    '',
    ...commandLines(family, columns),
    '',
    ...wrapText(
      `\`keyhound ${family[0]!.name} --help\` shows the options and examples of one.`,
      columns,
    ),
  ];
}

function commandLines(commands: readonly Command[], columns: number): string[] {
  const width = Math.max(...commands.map((command) => usageOf(command).length));
  return commands.flatMap((command) =>
    beside(`  ${pad(usageOf(command), width)}  `, command.summary, columns),
  );
}

/** A text behind its name; under it, indented, where too little room is left. */
function beside(name: string, text: string, columns: number): string[] {
  const room = columns - name.length;
  if (room < BESIDE_COLUMNS_MIN) return [name.trimEnd(), ...beside(' '.repeat(6), text, columns)];
  const [first = '', ...more] = wrapText(text, room);
  return [name + first, ...more.map((line) => ' '.repeat(name.length) + line)];
}

function usageOf(command: Command): string {
  const words = command.positionals.usage;
  return words === '' ? command.name : `${command.name} ${words}`;
}

function optionLines(table: OptionTable, columns: number): string[] {
  const names = Object.entries(table).map(([name, spec]) => flagOf(name, spec));
  const width = Math.max(...names.map((name) => name.length));
  return Object.values(table).flatMap((spec, i) =>
    beside(`  ${pad(names[i]!, width)}  `, describe(spec), Math.min(TEXT_COLUMNS_MAX, columns)),
  );
}

function flagOf(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? '' : `-${spec.short}, `;
  const value = valueName(spec);
  return `${short}--${name}${value === '' ? '' : ` ${value}`}`;
}

function valueName(spec: OptionSpec): string {
  switch (spec.type) {
    case 'flag':
      return '';
    case 'duration':
      return 'DURATION';
    case 'instant':
      return 'TIME';
    case 'choice':
      return 'NAME';
    case 'choices':
      return 'NAME,…';
    default:
      return spec.value;
  }
}

function describe(spec: OptionSpec): string {
  const choices =
    spec.type === 'choice' || spec.type === 'choices' ? ` One of ${spec.choices.join(', ')}.` : '';
  const form = spec.type === 'instant' ? ' E.g. 2h (ago), 2026-03-01T10:00:00Z.' : '';
  const fallback = spec.default === undefined ? '' : ` Default: ${spec.default}.`;
  return `${spec.description}${choices}${form}${fallback}`;
}
