/**
 * `npm run bench -- contain`: from a bad request to the first one that is refused, embedded, in front of a real NGINX
 * whose log is read as it grows. One attack after the other, each of another key with two weeks of history.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action } from '../core/action.ts';
import { type ContainScene, containScene, keyId } from '../test/judged/contain-scene.ts';
import type { Say } from './measure.ts';
import type { Machine } from './report.ts';

export interface ContainResults {
  readonly attacks: number;
  /** From the end of the first bad request to that of the first one refused, ms, sorted. */
  readonly enforcedMs: readonly number[];
  /** Actions by what the log has shown of them. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Keys given back, whose owner's next request passed. */
  readonly restored: number;
  readonly load: number;
}

const RESTORES = 10;
const LOOK_MS = 500;
const SETTLE_MS = 60_000;

export async function measureContain(attacks: number, say: Say): Promise<ContainResults> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-bench-contain-'));
  const closing: (() => void | Promise<void>)[] = [
    () => fs.rmSync(folder, { recursive: true, force: true }),
  ];
  try {
    say(`${attacks} keys, two weeks of history`);
    const scene = await containScene({ keys: attacks, folder, after: (end) => closing.push(end) });
    const enforcedMs: number[] = [];
    for (let index = 0; index < attacks; index++) {
      enforcedMs.push((await scene.attack(index)).enforcedMs);
      if ((index + 1) % 20 === 0) say(`${index + 1} of ${attacks} attacks`);
    }
    const load = os.loadavg()[0]!;
    const sorted = [...enforcedMs].sort((a, b) => a - b);
    say(
      `99 % within ${Math.round(sorted[Math.ceil(0.99 * attacks) - 1]!)} ms; waiting for the log to show it`,
    );
    const actions = await settled(scene, attacks);
    const verdicts: Record<string, number> = {};
    for (const { verdict } of actions) {
      verdicts[verdict ?? 'unknown'] = (verdicts[verdict ?? 'unknown'] ?? 0) + 1;
    }
    const restored = await giveBack(scene, Math.min(RESTORES, attacks));
    return { attacks, enforcedMs: enforcedMs.sort((a, b) => a - b), verdicts, restored, load };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** What was seen of the actions once all were seen, or after a minute. */
async function settled(scene: ContainScene, attacks: number): Promise<readonly Action[]> {
  const untilAt = performance.now() + SETTLE_MS;
  for (;;) {
    const actions = await scene.actions();
    const seen = actions.filter(({ verdict }) => verdict !== null);
    if (seen.length >= attacks || performance.now() > untilAt) return actions;
    const unseen = actions.filter(({ verdict }) => verdict === null);
    for (const { subject } of unseen) await scene.press(indexOf(subject.id, attacks));
    await sleep(LOOK_MS);
  }
}

function indexOf(subjectId: string, attacks: number): number {
  for (let index = 0; index < attacks; index++) if (keyId(index) === subjectId) return index;
  throw new Error(`${subjectId} is no key of the scene`);
}

async function giveBack(scene: ContainScene, keys: number): Promise<number> {
  let passed = 0;
  for (let index = 0; index < keys; index++) {
    await scene.command(['restore', keyId(index), '--reason', 'bench', '--yes']);
  }
  const untilAt = performance.now() + SETTLE_MS;
  while (performance.now() < untilAt) {
    const actions = await scene.actions();
    if (actions.filter(({ state }) => state === 'undone').length >= keys) break;
    await sleep(LOOK_MS);
  }
  for (let index = 0; index < keys; index++) {
    if ((await scene.good(index)) === 200) passed += 1;
  }
  return passed;
}

export const CONTAIN_HEADING = '## From a bad request to a refusal';

export function containMarkdown(results: ContainResults, machine: Machine): string {
  const { attacks, enforcedMs, verdicts, restored, load } = results;
  const at = (share: number): string =>
    `${Math.round(enforcedMs[Math.min(attacks - 1, Math.ceil(share * attacks) - 1)]!)} ms`;
  const seen = Object.entries(verdicts).map(([verdict, count]) => `${count} ${verdict}`);
  const times = `median ${at(0.5)}, 99 % ${at(0.99)}, most ${at(1)}`;
  const keys = Math.min(RESTORES, attacks);
  const what = `from a bad request to the first one refused, ${attacks} attacks`;
  return [
    CONTAIN_HEADING,
    '',
    'Written by `npm run bench -- contain`: embedded, in front of a real NGINX with the set-up of [decide](decide.md),',
    'whose log is read as it grows. Each attack is the first request of a key from another continent; the thief then',
    'asks as fast as they are answered. The policy throttles on the first proof of a place. All share the machine.',
    '',
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}.`,
    '',
    '| what | measured | goal |',
    '|---|---|---|',
    `| ${what}, load ${load.toFixed(1)} | ${times} | 99 % ≤ 250 ms |`,
    `| what the log has shown of the actions | ${seen.join(', ')} | contained |`,
    `| keys given back, whose next request passed | ${restored} of ${keys} | all |`,
    '',
  ].join('\n');
}
