/** A command: one table of options, from which parsing, `--help` and suggestions are made. */
import type { Assemblies, LoadedConfig } from '../app/contract.ts';
import type { ExitStatus } from './exit.ts';
import type { Io } from './io.ts';
import type { Printer } from './print/printer.ts';

interface OptionBase {
  readonly description: string;
  /** Shown in `--help`; the value itself is applied by the command. */
  readonly default?: string;
  readonly short?: string;
}
export type OptionSpec =
  | (OptionBase & { readonly type: 'flag' })
  | (OptionBase & { readonly type: 'text'; readonly value: string })
  | (OptionBase & {
      readonly type: 'number';
      readonly value: string;
      readonly min: number;
      readonly max: number;
    })
  /** `90s`, `15m`, `2h`, `7d`; in ms. */
  | (OptionBase & { readonly type: 'duration' })
  /** A duration before now, or RFC 3339; epoch ms. */
  | (OptionBase & { readonly type: 'instant' })
  | (OptionBase & { readonly type: 'choice'; readonly choices: readonly string[] })
  /** Several of the choices, comma-separated. */
  | (OptionBase & { readonly type: 'choices'; readonly choices: readonly string[] });
export type OptionTable = Readonly<Record<string, OptionSpec>>;

export type OptionValue<S extends OptionSpec> = S extends { type: 'flag' }
  ? boolean
  : S extends { type: 'text' }
    ? string | undefined
    : S extends { type: 'choice'; choices: readonly (infer C)[] }
      ? C | undefined
      : S extends { type: 'choices'; choices: readonly (infer C)[] }
        ? readonly C[] | undefined
        : number | undefined;
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: OptionValue<T[K]>;
};

export interface Positionals {
  /** As in the usage line, e.g. `[PATH…|-]`; '' for none. */
  readonly usage: string;
  readonly min: number;
  readonly max: number;
}

export interface CommandContext<T extends OptionTable> {
  readonly options: OptionValues<T>;
  readonly args: readonly string[];
  readonly io: Io;
  readonly print: Printer;
  readonly json: boolean;
  /** `--config`. */
  readonly configFile: string | undefined;
  /** Reads and checks the configuration; throws a usage error with all faults. */
  config(): Promise<LoadedConfig>;
  readonly assemblies: Assemblies;
}

export interface CommandSpec<T extends OptionTable> {
  /** One or two words: `keys`, `keys show`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** More lines for `--help`. */
  readonly detail?: readonly string[];
  readonly positionals: Positionals;
  readonly options: T;
  /** Without the leading `keyhound`. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  run(context: CommandContext<T>): Promise<ExitStatus>;
}
/** A command whose table of options is no longer known to the type checker. */
export type Command = CommandSpec<OptionTable>;

/** Gives `run` the types of the option table. */
export function defineCommand<const T extends OptionTable>(spec: CommandSpec<T>): Command {
  // The parser makes the values from this same table, so they have the types that `run` expects.
  return Object.freeze(spec) as unknown as Command;
}

export const NO_ARGS: Positionals = Object.freeze({ usage: '', min: 0, max: 0 });

export const COMMON_OPTIONS = {
  help: { type: 'flag', short: 'h', description: 'Show this help.' },
  json: {
    type: 'flag',
    description: 'NDJSON on stdout, nothing else there; progress and logs go to stderr.',
  },
  config: {
    type: 'text',
    value: 'FILE',
    description: 'Configuration file.',
    default: '$KEYHOUND_CONFIG, else ./keyhound.yaml',
  },
  version: { type: 'flag', description: 'Show the version.' },
} as const satisfies OptionTable;
