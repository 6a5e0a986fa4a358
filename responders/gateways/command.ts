/** A command of the operator's, as a list of words: no shell, bounded in time and output. */
import { execFile } from 'node:child_process';
import { KeyhoundError } from '../../core/errors.ts';

const OUTPUT_BYTES_MAX = 64 * 1024;
const SHOWN_MAX = 300;

/** Resolves when it ended with 0; else throws with the last of what it said. */
export function runCommand(
  gateway: string,
  words: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const [program, ...args] = words as [string, ...string[]];
  const options = { timeout: timeoutMs, maxBuffer: OUTPUT_BYTES_MAX, signal };
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, _stdout, stderr) => {
      if (error === null) return resolve();
      if (signal.aborted) return reject(signal.reason);
      reject(failure(gateway, program, error, stderr, timeoutMs));
    });
  });
}

function failure(
  gateway: string,
  program: string,
  error: Error & { code?: unknown; killed?: boolean },
  stderr: string,
  timeoutMs: number,
): KeyhoundError {
  const how = error.killed
    ? `did not end within ${timeoutMs} ms`
    : `failed (${typeof error.code === 'string' || typeof error.code === 'number' ? error.code : 'signal'})`;
  const said = stderr.trim().slice(-SHOWN_MAX);
  return new KeyhoundError('operating', `gateway ${gateway}: ${program} ${how}`, {
    code: 'gateway-command',
    hint: said === '' ? `Run ${program} by hand as the user that Keyhound runs as.` : said,
    // A program that is not there will not come by itself.
    retryable: error.code !== 'ENOENT' && error.code !== 'EACCES',
  });
}
