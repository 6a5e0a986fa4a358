/** `--help`, made from the tables of options. */
import { COMMON_OPTIONS, type Command, type OptionSpec, type OptionTable } from '../command.ts';
import { pad, type Style } from './style.ts';
import { wrapText } from './table.ts';

const TEXT_COLUMNS = 92;

export function generalHelp(commands: readonly Command[], version: string, style: Style): string[] {
  return [
    `${style.bold('keyhound')} ${version}: watches how every API key is used and says when one is abused.`,
    '',
    `${style.bold('Usage:')} keyhound COMMAND [options]      (in a checkout: npm start -- COMMAND …)`,
    '',
    style.bold('Commands:'),
    ...commandLines(commands),
    '',
    style.bold('Options of every command:'),
    ...optionLines(COMMON_OPTIONS),
    '',
    'Without a command the demo runs. `keyhound COMMAND --help` shows its options and examples.',
    '',
    style.bold('Exit status:'),
    '  0 done; 1 failed while running; 2 wrong use or configuration; 3 done, with a bad verdict;',
    '  130 interrupted; 143 ended by SIGTERM (state saved in both).',
  ];
}

export function commandHelp(command: Command, style: Style): string[] {
  const own = Object.keys(command.options).length > 0;
  return [
    `${style.bold('keyhound')} ${usageOf(command)}${own ? ' [options]' : ''}`,
    '',
    ...wrapText(command.summary, TEXT_COLUMNS),
    ...(command.detail ?? []).flatMap((text) => wrapText(text, TEXT_COLUMNS)),
    ...(own ? ['', style.bold('Options:'), ...optionLines(command.options)] : []),
    '',
    style.bold('Options of every command:'),
    ...optionLines(COMMON_OPTIONS),
    '',
    style.bold('Examples:'),
    ...command.examples.flatMap(([line, does]) => [`  keyhound ${line}`, `      ${does}`]),
  ];
}

export function familyHelp(family: readonly Command[], style: Style): string[] {
  const word = family[0]!.name.split(' ')[0]!;
  return [
    `${style.bold('keyhound')} ${word} …`,
    '',
    ...commandLines(family),
    '',
    `\`keyhound ${family[0]!.name} --help\` shows the options and examples of one.`,
  ];
}

function commandLines(commands: readonly Command[]): string[] {
  const width = Math.max(...commands.map((command) => usageOf(command).length));
  return commands.map((command) => `  ${pad(usageOf(command), width)}  ${command.summary}`);
}

function usageOf(command: Command): string {
  const words = command.positionals.usage;
  return words === '' ? command.name : `${command.name} ${words}`;
}

function optionLines(table: OptionTable): string[] {
  const names = Object.entries(table).map(([name, spec]) => flagOf(name, spec));
  const width = Math.max(...names.map((name) => name.length));
  return Object.values(table).flatMap((spec, i) => {
    const lines = wrapText(describe(spec), Math.max(40, TEXT_COLUMNS - width));
    return lines.map((line, j) => `  ${pad(j === 0 ? names[i]! : '', width)}  ${line}`);
  });
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
