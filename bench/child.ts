/** One measured process: a script in a Node of its own, so that no variant inherits another's heap or code. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '..');
const PRELOAD = path.join(import.meta.dirname, 'cpu-report.ts');
/** Only here: keys of the bench are made up. */
const PEPPER = 'a pepper of the bench, not a secret';

export interface Usage {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly rssMaxBytes: number;
  readonly stdout: string;
}

/** Runs a script of the checkout. Rejects with its stderr unless it exits 0. */
export async function runChild(words: readonly string[], workFolder: string): Promise<Usage> {
  const reportFile = path.join(workFolder, `usage-${randomUUID()}.json`);
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--import', PRELOAD];
  const beginAt = performance.now();
  const child = spawn(process.execPath, [...flags, ...words], {
    cwd: ROOT,
    env: {
      ...process.env,
      KEYHOUND_BENCH_REPORT: reportFile,
      KEYHOUND_PEPPER: PEPPER,
      NO_COLOR: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const wallSeconds = (performance.now() - beginAt) / 1000;
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}:\n${stderr()}`);
  const usage = JSON.parse(fs.readFileSync(reportFile, 'utf8')) as Omit<Usage, 'stdout'>;
  fs.rmSync(reportFile);
  return { ...usage, wallSeconds, stdout: stdout() };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const parts: string[] = [];
  stream.on('data', (chunk: Buffer) => parts.push(chunk.toString('utf8')));
  return () => parts.join('');
}

/** The last line that a variant printed, which is its result. */
export function resultOf<T>(usage: Usage): T {
  return JSON.parse(usage.stdout.trimEnd().split('\n').at(-1) ?? '') as T;
}
