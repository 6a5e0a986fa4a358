/** What is measured, each time in a process of its own, and how often. */
import fs from 'node:fs';
import path from 'node:path';
import { resultOf, runChild, type Usage } from './child.ts';
import { type BenchFile, benchFile } from './data.ts';
import type { Plan } from './plan.ts';
import { median, pairs } from './statistics.ts';

const CLI = ['cli/main.ts'];
const START_LINES = 20;
const EVENTS_SHARE_LEAST = 0.999;

export interface Speed {
  /** One figure a round. */
  readonly eventsPerCpuSecond: readonly number[];
  /** Over the bare loop of the same round. */
  readonly ratios: readonly number[];
  readonly rssMaxBytes: number;
}

export interface KeysFigure {
  readonly keys: number;
  readonly recordBytes: number;
  readonly bufferBytesPerKey: number;
  readonly heapBytesPerKey: number;
  readonly rssBytes: number;
  readonly rssBytesPerKey: number;
  readonly microsPerEvent: number;
}

interface Save {
  readonly drainMs: number;
  readonly commitMs: number;
  readonly cpuMs: number;
}

export interface Results {
  readonly kongFile: BenchFile;
  readonly nginxFile: BenchFile;
  /** Lines per CPU-second of the bare loop, one a round. */
  readonly bare: readonly number[];
  readonly kong: Speed;
  readonly nginx: Speed;
  readonly large: KeysFigure;
  readonly small: KeysFigure;
  /** Cost of an event with many keys over that with few, a round each. */
  readonly costRatios: readonly number[];
  readonly checkpoint: {
    readonly keys: number;
    readonly dirty: number;
    readonly full: Save;
    readonly part: Save;
  };
  /** Wall seconds: `--version`, and a replay of 20 records with geography loaded. */
  readonly startSeconds: { readonly version: number; readonly replay: number };
}

export type Say = (text: string) => void;

export async function measureAll(plan: Plan, folder: string, say: Say): Promise<Results> {
  say('making the files');
  const kongFile = await benchFile('kong', plan, folder);
  const nginxFile = await benchFile('nginx', plan, folder);
  const replays = await measureReplays(plan, { kongFile, nginxFile }, folder, say);
  const engines = await measureEngines(plan, folder, say);
  say('checkpoint');
  const checkpoint = await measureCheckpoint(plan, folder);
  say('start-up');
  const startSeconds = await measureStart(plan, kongFile, folder);
  return { kongFile, nginxFile, ...replays, ...engines, checkpoint, startSeconds };
}

/** Bare loop, Kong, NGINX, and again: what disturbs the machine disturbs neighbours alike. */
async function measureReplays(
  plan: Plan,
  files: { readonly kongFile: BenchFile; readonly nginxFile: BenchFile },
  folder: string,
  say: Say,
) {
  const bare: number[] = [];
  const kong: Usage[] = [];
  const nginx: Usage[] = [];
  for (let round = 1; round <= plan.rounds; round++) {
    say(`replay, round ${round} of ${plan.rounds}`);
    const loop = await runChild(['bench/variants/json-parse.ts', files.kongFile.path], folder);
    bare.push(plan.lines / loop.cpuSeconds);
    kong.push(await replay(files.kongFile, [], folder));
    nginx.push(await replay(files.nginxFile, ['--key', 'query:api_key'], folder));
  }
  return { bare, kong: speedOf(kong, bare, plan), nginx: speedOf(nginx, bare, plan) };
}

async function replay(file: BenchFile, words: readonly string[], folder: string): Promise<Usage> {
  const usage = await runChild([...CLI, 'replay', file.path, ...words, '--json'], folder);
  const { events } = resultOf<{ readonly events: number }>(usage);
  // Every line is a use of a key: a replay that drops some has not done the work.
  if (events < file.lines * EVENTS_SHARE_LEAST) {
    throw new Error(`${file.path}: ${events} events of ${file.lines} lines`);
  }
  return usage;
}

function speedOf(usages: readonly Usage[], bare: readonly number[], plan: Plan): Speed {
  const eventsPerCpuSecond = usages.map((usage) => plan.lines / usage.cpuSeconds);
  return {
    eventsPerCpuSecond,
    ratios: pairs(eventsPerCpuSecond, bare),
    rssMaxBytes: Math.max(...usages.map((usage) => usage.rssMaxBytes)),
  };
}

async function measureEngines(plan: Plan, folder: string, say: Say) {
  const large: KeysFigure[] = [];
  const small: KeysFigure[] = [];
  for (let round = 1; round <= Math.min(3, plan.rounds); round++) {
    say(`engines of ${plan.smallKeys} and ${plan.largeKeys} keys, round ${round}`);
    small.push(await engineOf(plan.smallKeys, plan, folder));
    large.push(await engineOf(plan.largeKeys, plan, folder));
  }
  const cost = (figures: readonly KeysFigure[]) => figures.map((figure) => figure.microsPerEvent);
  return {
    large: middleOf(large),
    small: middleOf(small),
    costRatios: pairs(cost(large), cost(small)),
  };
}

async function engineOf(keys: number, plan: Plan, folder: string): Promise<KeysFigure> {
  const numbers = [keys, plan.requestsPerKey, plan.eventsLeast].map(String);
  return resultOf<KeysFigure>(await runChild(['bench/variants/keys.ts', ...numbers], folder));
}

function middleOf(figures: readonly KeysFigure[]): KeysFigure {
  const middle = (of: (figure: KeysFigure) => number) => median(figures.map(of));
  return {
    keys: figures[0]!.keys,
    recordBytes: figures[0]!.recordBytes,
    bufferBytesPerKey: middle((figure) => figure.bufferBytesPerKey),
    heapBytesPerKey: middle((figure) => figure.heapBytesPerKey),
    rssBytes: middle((figure) => figure.rssBytes),
    rssBytesPerKey: middle((figure) => figure.rssBytesPerKey),
    microsPerEvent: middle((figure) => figure.microsPerEvent),
  };
}

async function measureCheckpoint(plan: Plan, folder: string): Promise<Results['checkpoint']> {
  const state = fs.mkdtempSync(path.join(folder, 'state-'));
  try {
    const numbers = [plan.checkpointKeys, plan.checkpointDirty].map(String);
    const usage = await runChild(['bench/variants/checkpoint.ts', ...numbers, state], folder);
    const { full, part } = resultOf<{ readonly full: Save; readonly part: readonly Save[] }>(usage);
    const middle = (of: (save: Save) => number) => median(part.map(of));
    return {
      keys: plan.checkpointKeys,
      dirty: plan.checkpointDirty,
      full,
      part: {
        drainMs: middle((save) => save.drainMs),
        commitMs: middle((save) => save.commitMs),
        cpuMs: middle((save) => save.cpuMs),
      },
    };
  } finally {
    fs.rmSync(state, { recursive: true });
  }
}

async function measureStart(plan: Plan, kongFile: BenchFile, folder: string) {
  const few = path.join(folder, 'start.log');
  const head = fs
    .readFileSync(kongFile.path)
    .subarray(0, 64 * 1024)
    .toString('utf8');
  fs.writeFileSync(few, `${head.split('\n').slice(0, START_LINES).join('\n')}\n`);
  const version: number[] = [];
  const replayed: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    version.push((await runChild([...CLI, '--version'], folder)).wallSeconds);
    replayed.push((await runChild([...CLI, 'replay', few, '--json'], folder)).wallSeconds);
  }
  return { version: median(version), replay: median(replayed) };
}
