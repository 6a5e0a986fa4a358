/** The real command line as a child process, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = path.join(ROOT, 'cli/main.ts');
/** Of the tests only: a state made in one child is read in the next. */
export const PEPPER = 'pepper-of-the-judged-tests-0123456789abcdef';

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly stdin: Writable;
  /** All that was written until now. */
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Exit status of a child that ended by itself. */
  readonly status: number | undefined;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the first match in what was written to stderr; rejects when the child ends without it. */
  told(pattern: RegExp): Promise<RegExpExecArray>;
}

/** As `npm start` runs it. */
const NODE_FLAGS = startFlags();

function startFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}

export interface ChildOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder that is removed after the test. */
export function scratch(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-judged-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts `keyhound WORDS`. */
export function start(words: readonly string[], options: ChildOptions): Child {
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...words], {
    cwd: options.cwd,
    env: { ...process.env, NODE_TEST_CONTEXT: '', KEYHOUND_PEPPER: PEPPER, ...options.env },
    stdio: 'pipe',
  });
  // A child that was killed no longer reads.
  child.stdin.on('error', () => undefined);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const ended = endOf(child);
  return {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    get stdout() {
      return stdout.text();
    },
    get stderr() {
      return stderr.text();
    },
    ended,
    get status() {
      return child.exitCode ?? undefined;
    },
    kill: (signal) => void child.kill(signal),
    async told(pattern) {
      for (;;) {
        const match = pattern.exec(stderr.text());
        if (match !== null) return match;
        const { grown } = stderr;
        const end = await Promise.race([grown, ended]);
        if (end === undefined || pattern.test(stderr.text())) continue;
        throw new Error(
          `ended (${end.status ?? end.signal}) without ${pattern}:\n${stderr.text()}`,
        );
      }
    },
  };
}

/** Runs `keyhound WORDS` to its end; `input` goes to its stdin. */
export async function finish(
  words: readonly string[],
  options: ChildOptions & { readonly input?: string | Buffer },
): Promise<Ended & { readonly stdout: string; readonly stderr: string }> {
  const child = start(words, options);
  child.stdin.end(options.input ?? '');
  const ended = await child.ended;
  return { ...ended, stdout: child.stdout, stderr: child.stderr };
}

async function endOf(child: ChildProcess): Promise<Ended> {
  const [status, signal] = (await once(child, 'close')) as [Ended['status'], Ended['signal']];
  return { status, signal };
}

interface Collected {
  text(): string;
  /** Resolves when more has come. */
  readonly grown: Promise<undefined>;
}

function collect(stream: Readable): Collected {
  let parts: string[] = [];
  let more = Promise.withResolvers<undefined>();
  stream.setEncoding('utf8').on('data', (text: string) => {
    parts.push(text);
    more.resolve(undefined);
    more = Promise.withResolvers();
  });
  return {
    text() {
      if (parts.length > 1) parts = [parts.join('')];
      return parts[0] ?? '';
    },
    get grown() {
      return more.promise;
    },
  };
}
