/** A running `npm run stack` of a test: free ports, a folder of its own that goes with it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { type PortName, ROOT } from '../../deploy/native/settings.ts';
import { until } from '../support/until.ts';

interface Facts {
  readonly folder: string;
  readonly ports: Readonly<Record<PortName, number>>;
  readonly processes: readonly {
    readonly name: string;
    readonly role: string;
    readonly url: string;
  }[];
  /** By name, each the first of a process group. */
  readonly pids: Readonly<Record<string, number>>;
}

export interface Stack extends Facts {
  readonly child: ChildProcess;
  /** Of a Keyhound process: health and API. */
  urlOf(name: string): string;
  secret(name: string): string;
  /** Process ids of what it has started and has not ended. */
  left(): number[];
}

/** Removed when the test is over, and whatever was started in it has ended by then. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-stack-'));
  // Elasticsearch runs as another user when this runs as root.
  chmodSync(folder, 0o711);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function startStack(
  t: TestContext,
  folder: string,
  ...words: string[]
): Promise<Stack> {
  const child = launch(folder, words);
  let pids: readonly number[] = [];
  t.after(async () => {
    child.kill('SIGKILL');
    await until(() => membersOf(pids).length === 0);
  });
  const [line] = await Promise.race([
    once(createInterface(child.stdout!), 'line') as Promise<[string]>,
    once(child, 'exit').then(() => assert.fail('the stack ended before it was up')),
  ]);
  const facts = JSON.parse(line) as Facts;
  pids = Object.values(facts.pids);
  return {
    ...facts,
    child,
    urlOf: (name) => facts.processes.find((one) => one.name === name)!.url,
    secret: (name) => readFileSync(path.join(folder, 'secrets', name), 'utf8').trim(),
    left: () => membersOf(pids),
  };
}

export function launch(folder: string, words: readonly string[]): ChildProcess {
  const program = path.join(ROOT, 'deploy/native/stack.ts');
  const options = ['--json', '--free-ports', '--dir', folder, ...words];
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...options], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Of these process groups. */
function membersOf(groups: readonly number[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && groups.includes(groupOf(name)))
    .map(Number);
}

function groupOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? 0 : Number(group);
  } catch {
    return 0;
  }
}
