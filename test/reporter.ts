/** Reporter of `npm test`: failures in full, slow files, and `N passed, N failed` as the last line. */
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

interface Result {
  readonly name: string;
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: {
    readonly type?: string | undefined;
    readonly duration_ms: number;
    readonly error?: unknown;
  };
}

const SLOW_MS = 3000;

// biome-ignore lint/style/noDefaultExport: the test runner takes a reporter from there only
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for await (const event of source) {
    if (event.type === 'test:pass') {
      const result = event.data as Result;
      if (result.details.type === 'suite') continue;
      if (isSkipped(result)) {
        skipped += 1;
        yield `skipped: ${result.name} (${String(result.skip)})\n`;
      } else {
        passed += 1;
        if (result.details.duration_ms > SLOW_MS) yield slow(result);
      }
    }
    if (event.type === 'test:fail') {
      const result = event.data as Result;
      // A parent fails because of its parts, and those are told.
      if (failureType(result) === 'subtestsFailed') continue;
      failed += 1;
      yield failure(result);
    }
    if (event.type === 'test:stdout' || event.type === 'test:stderr') yield event.data.message;
  }
  if (skipped > 0) yield `${skipped} skipped\n`;
  yield `${passed} passed, ${failed} failed\n`;
}

function isSkipped(result: Result): boolean {
  return result.skip !== undefined && result.skip !== false;
}

function failureType(result: Result): unknown {
  return (result.details.error as { failureType?: unknown } | undefined)?.failureType;
}

function slow(result: Result): string {
  return `slow: ${(result.details.duration_ms / 1000).toFixed(1)} s ${result.name} (${place(result)})\n`;
}

function failure(result: Result): string {
  const lines = errorText(result.details.error)
    .split('\n')
    .map((line) => `    ${line}`);
  return `\nFAILED: ${result.name} (${place(result)})\n${lines.join('\n')}\n\n`;
}

/** The stack begins with the message; a message of our own does not hold the two values. */
function errorText(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause ?? error;
  if (!(cause instanceof Error)) return inspect(cause, { depth: 4, breakLength: 100 });
  const { generatedMessage, actual, expected } = cause as AssertionFacts;
  const values =
    generatedMessage === false && (actual !== undefined || expected !== undefined)
      ? `\nactual: ${inspect(actual, { depth: 4 })}\nexpected: ${inspect(expected, { depth: 4 })}`
      : '';
  const inner = cause.cause === undefined ? '' : `\ncause: ${inspect(cause.cause, { depth: 2 })}`;
  const stack = (cause.stack ?? cause.message).replace(/\n {4}at .*node:internal.*/g, '');
  return `${stack}${values}${inner}`;
}

interface AssertionFacts {
  readonly generatedMessage?: boolean;
  readonly actual?: unknown;
  readonly expected?: unknown;
}

function place(result: Result): string {
  return result.file === undefined ? '' : relative(process.cwd(), result.file);
}
