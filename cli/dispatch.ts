/** From the words of the command line to an exit status. */
import type { Assemblies } from '../app/contract.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './commands/list.ts';
import { EXIT, type ExitStatus } from './exit.ts';
import type { Io, StopReason } from './io.ts';
import { chooseCommand, familyAsked, parseWords } from './parse.ts';
import { errorLines } from './print/error.ts';
import { commandHelp, familyHelp, generalHelp } from './print/help.ts';
import { createPrinter } from './print/printer.ts';
import { type Style, styleFor } from './print/style.ts';

/** What runs when no command is given. */
const DEFAULT_COMMAND = 'demo';

/** Runs a command and answers the exit status. Never throws. */
export async function dispatch(
  words: readonly string[],
  io: Io,
  assemblies: Assemblies,
  version: string,
): Promise<ExitStatus> {
  try {
    const family = familyAsked(words, COMMANDS);
    if (family !== undefined) {
      io.stdout.write(`${familyHelp(family, ...pageOf(io)).join('\n')}\n`);
      return EXIT.done;
    }
    const chosen = chooseCommand(words, COMMANDS);
    if (chosen === undefined) {
      const early = answerWithoutCommand(words, io, version);
      if (early !== undefined) return early;
    }
    const status = await runCommand(
      chosen?.command ?? commandNamed(DEFAULT_COMMAND),
      chosen?.rest ?? words,
      { io, assemblies, version },
    );
    return stopStatus(io) ?? status;
  } catch (error) {
    return stopStatus(io, error) ?? reportError(error, io);
  }
}

function pageOf({ stdout, env }: Io): [Style, number] {
  return [styleFor(stdout, env), stdout.columns()];
}

function answerWithoutCommand(
  words: readonly string[],
  io: Io,
  version: string,
): ExitStatus | undefined {
  if (words.includes('--version')) {
    io.stdout.write(`${version}\n`);
    return EXIT.done;
  }
  if (!words.includes('--help') && !words.includes('-h')) return undefined;
  io.stdout.write(`${generalHelp(COMMANDS, version, ...pageOf(io)).join('\n')}\n`);
  return EXIT.done;
}

async function runCommand(
  command: Command,
  words: readonly string[],
  around: { io: Io; assemblies: Assemblies; version: string },
): Promise<ExitStatus> {
  const { io, assemblies } = around;
  const { options, args } = parseWords(command, words, io.clock.now());
  if (options['version'] === true) {
    io.stdout.write(`${around.version}\n`);
    return EXIT.done;
  }
  if (options['help'] === true) {
    io.stdout.write(`${commandHelp(command, ...pageOf(io)).join('\n')}\n`);
    return EXIT.done;
  }
  const json = options['json'] === true;
  const configFile = options['config'] as string | undefined;
  const print = createPrinter(io, json);
  try {
    return await command.run({
      // The parser made each value as the command's own table says.
      options: options as never,
      args,
      io,
      print,
      json,
      configFile,
      config: async () => {
        const { loadConfig, secretsOf } = await import('../app/config.ts');
        const request = { file: configFile, env: io.env, cwd: io.cwd };
        return loadConfig({ ...request, secrets: await secretsOf(request, io.signal) });
      },
      assemblies,
    });
  } finally {
    print.status('');
  }
}

function commandNamed(name: string): Command {
  return COMMANDS.find((command) => command.name === name)!;
}

/** A stop that was asked for is no failure, but scripts must see it. */
function stopStatus(io: Io, error?: unknown): ExitStatus | undefined {
  if (!io.signal.aborted) return undefined;
  // Something else broke while stopping: that is worth more than the stop.
  if (error instanceof KeyhoundError) return undefined;
  const reason = io.signal.reason as StopReason;
  if (reason === 'EPIPE') return EXIT.done;
  if (reason === 'output-failed') return EXIT.failed;
  return reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
}

function reportError(error: unknown, io: Io): ExitStatus {
  const debug = (io.env['KEYHOUND_DEBUG'] ?? '') !== '';
  io.stderr.write(`${errorLines(error, debug).join('\n')}\n`);
  return error instanceof KeyhoundError && error.kind === 'usage' ? EXIT.usage : EXIT.failed;
}
