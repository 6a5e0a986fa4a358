/** The process around dispatch.ts: signals, streams, exit status. Runs when imported. */
import type { WriteStream } from 'node:tty';
import { ASSEMBLIES } from '../app/assemblies.ts';
import { VERSION } from '../app/version.ts';
import { systemClock } from '../core/clock.ts';
import { KeyhoundError } from '../core/errors.ts';
import { dispatch } from './dispatch.ts';
import { EXIT } from './exit.ts';
import type { StopReason, TextOutput } from './io.ts';
import { errorLines } from './print/error.ts';

const COLUMNS_UNKNOWN = 100;
const COLUMNS_LEAST = 40;
const LINGER_MS = 3000;

const stop = new AbortController();

function stopFor(reason: StopReason): void {
  if (!stop.signal.aborted) {
    stop.abort(reason);
    return;
  }
  // The second signal does not wait for the state to be saved: it was saved at the last checkpoint.
  if (reason === 'EPIPE' || reason === 'output-failed') return;
  process.exit(reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted);
}

function output(stream: WriteStream): TextOutput {
  return {
    isTTY: stream.isTTY === true,
    columns: () => Math.max(COLUMNS_LEAST, stream.columns || COLUMNS_UNKNOWN),
    write: (text) => {
      // A reader that went away (`| head`) has all it wanted.
      if (!stream.destroyed && !stream.writableEnded) stream.write(text);
    },
  };
}

async function readStdin(bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax).toString('utf8');
}

/** The state is saved, as after a signal; a script must not take what was written for all there is. */
function failFor(error: NodeJS.ErrnoException): void {
  if (stop.signal.aborted) return;
  const failure = new KeyhoundError('operating', `stdout cannot be written (${error.code})`, {
    code: 'output-unwritable',
    hint: 'What it leads to takes no more: is the disk full?',
  });
  process.stderr.write(`${errorLines(failure, false).join('\n')}\n`);
  stopFor('output-failed');
  // The command may be over by now, with a status of its own.
  process.on('exit', () => {
    process.exitCode = EXIT.failed;
  });
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') stopFor('EPIPE');
  else failFor(error);
});
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  // A full disk under the log is no reason to stop watching, and there is nobody left to tell.
  if (error.code === 'EPIPE') stopFor('EPIPE');
});
process.on('SIGINT', () => stopFor('SIGINT'));
process.on('SIGTERM', () => stopFor('SIGTERM'));

process.exitCode = await dispatch(
  process.argv.slice(2),
  {
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    signal: stop.signal,
    readStdin,
  },
  ASSEMBLIES,
  VERSION,
);

// A connection that a server which is away keeps half open must not keep the process. Not after a success: its output
// may still be on its way to a slow reader.
if (stop.signal.aborted || process.exitCode === EXIT.failed) {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
