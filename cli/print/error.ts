/** An error: one line what, with its code of docs/troubleshooting.md; one line hint. Stack only with KEYHOUND_DEBUG. */

import { KeyhoundError } from '../../core/errors.ts';
import { forTerminal } from '../../core/escape.ts';

export function errorLines(error: unknown, debug: boolean): string[] {
  const known = error instanceof KeyhoundError;
  const message = error instanceof Error ? error.message : String(error);
  // A known error may list several faults, one a line; its author chose the line breaks.
  const lines = (known ? message.split('\n') : [message]).map(forTerminal);
  const code = known && error.code !== error.kind ? ` [${error.code}]` : '';
  lines[0] = `keyhound: ${lines[0]}${code}`;
  const hint = known ? error.hint : 'Run again with KEYHOUND_DEBUG=1 for the details.';
  if (hint !== undefined && !debug) lines.push(`hint: ${forTerminal(hint)}`);
  if (debug && error instanceof Error) {
    lines.push(...(error.stack ?? '').split('\n').map(forTerminal));
    if (error.cause !== undefined) lines.push(`cause: ${forTerminal(String(error.cause))}`);
  }
  return lines;
}
