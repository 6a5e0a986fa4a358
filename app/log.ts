/** The program's own log: pino on stderr, JSON lines, or readable on a terminal. */
import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { Config } from '../core/config.ts';

const STDERR = 2;

export async function createLogger(options: {
  readonly level: Config['log']['level'];
  /** For a terminal. */
  readonly pretty: boolean;
}): Promise<PinoLogger> {
  const settings = { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  // Synchronous: the last line before a crash is the one that is needed.
  const plain = pino.destination({ fd: STDERR, sync: true });
  const pretty = options.pretty ? await prettyStream() : undefined;
  return pino(settings, pretty ?? plain);
}

/** Undefined where the package was left out of the installation. */
async function prettyStream(): Promise<DestinationStream | undefined> {
  try {
    const { default: createPretty } = await import('pino-pretty');
    return createPretty({ destination: STDERR, sync: true, translateTime: 'SYS:HH:MM:ss.l' });
  } catch {
    return undefined;
  }
}
