/**
 * `npm test`: the fast tests of a folder in one process, as many processes at once as there are cores. A process for
 * each file, or for each small folder, took longer to load than most take to run. What tests share (environment,
 * folders) they put back.
 * The last line sums up: `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

const RESULT = /^(\d+) passed, (\d+) failed\n$/m;
const TEST = path.join('test');
/** A folder within another with fewer files than these shares its process. */
const OWN_PROCESS_FILES = 15;
/** One that hangs fails, by its name. */
const TEST_MS_MAX = 120_000;

interface Sum {
  passed: number;
  failed: number;
}

/** Largest first, so that none begins when the others end. */
function groups(): string[][] {
  const files = globSync(`${TEST}/**/*.test.ts`)
    .filter((file) => !file.endsWith('.slow.test.ts'))
    .sort();
  const folderOf = (file: string, depth: number): string =>
    path.dirname(file).split(path.sep).slice(0, depth).join('/');
  const count = Map.groupBy(files, (file) => folderOf(file, 3));
  const byProcess = Map.groupBy(files, (file) => {
    const folder = folderOf(file, 3);
    return count.get(folder)!.length < OWN_PROCESS_FILES ? folderOf(file, 2) : folder;
  });
  return [...byProcess.values()].sort((a, b) => b.length - a.length);
}

async function run(files: readonly string[], sum: Sum): Promise<void> {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-isolation=none',
    '--test-force-exit',
  ];
  const how = [`--test-timeout=${TEST_MS_MAX}`, '--test-reporter=./test/reporter.ts'];
  const args = [...flags, ...how, ...files];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) said += chunk;
  const [, passed = 0, failed = 0] = RESULT.exec(said) ?? [];
  process.stdout.write(said.replace(RESULT, ''));
  sum.passed += Number(passed);
  sum.failed += Number(failed);
  await exit;
  if (child.exitCode === 0 || Number(failed) > 0) return;
  // It broke outside of its tests.
  console.log(
    `FAILED: ${path.dirname(files[0]!)} ended with ${child.exitCode ?? child.signalCode}`,
  );
  sum.failed += 1;
}

const sum: Sum = { passed: 0, failed: 0 };
const waiting = groups();
const workers = Array.from({ length: availableParallelism() }, async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await run(next, sum);
});
await Promise.all(workers);
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 ? 0 : 1;
