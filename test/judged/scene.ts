/** A log as it grows, through a stack of its own, while something is done to the stack. */
import { createReadStream, createWriteStream, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { type Outcome, outcomeOf } from './distributed.ts';
import { AS_LONG_AS_IT_TAKES, drained, type Member, type Servers, Stack } from './stack.ts';
import { savedPosition } from './state-rows.ts';

const PIECE_MS = 100;

export interface Log {
  readonly file: string;
  readonly bytes: number;
  /** In which it comes to be. */
  readonly feedMs: number;
}

export interface Stage {
  readonly stack: Stack;
  /** The detect processes. Replace those that end. */
  readonly detects: Member[];
  ingest: Member;
  /** Processes that only have the console role. Replace those that end. */
  readonly consoles: Member[];
  /** Those of the roles `respond` and `decide`. Replace those that end. */
  readonly others: { readonly role: string; member: Member }[];
  /** Resolves once this share of the log is written. */
  fed(share: number): Promise<void>;
  readonly isFed: boolean;
}

export interface Scene {
  readonly prefix: string;
  readonly partitions: number;
  readonly detects: number;
  readonly consoles?: number;
  /** Of processes that take no part in what is found. */
  readonly others?: readonly string[];
  /** Runs while the log grows. */
  disturb?(stage: Stage): Promise<void>;
  /** All is applied, and nothing runs any more. */
  afterwards?(stack: Stack): Promise<void>;
}

/** Answers what came of it. Rejects when a process does not end in order. */
export async function play(servers: Servers, log: Log, scene: Scene): Promise<Outcome> {
  const { prefix, partitions, disturb } = scene;
  const growing = new GrowingFile(`${log.file}.${prefix}`, log);
  const sources = [{ name: 'log', kind: 'file', format: 'keyhound', path: growing.file }];
  const stack = new Stack(servers, { prefix, partitions, sources });
  try {
    await stack.createTopics();
    const stage = await open(stack, growing, scene);
    await Promise.all([stage.written, disturb?.(stage)]);
    await until(
      () => savedPosition(stage.ingest.stateDir),
      (position) => position >= log.bytes,
      AS_LONG_AS_IT_TAKES,
    );
    await drained(() => stage.detects, 'events', partitions);
    await endInOrder([stage.ingest]);
    await drained(() => stage.detects, 'events', partitions);
    await endInOrder(stage.detects);
    if (stage.consoles.length > 0) await drained(() => stage.consoles, 'incidents', partitions);
    await endInOrder(stage.consoles);
    await endInOrder(stage.others.map(({ member }) => member));
    await scene.afterwards?.(stack);
    return outcomeOf(await stack.results());
  } finally {
    await stack.end();
    if (process.env['KEYHOUND_TEST_LOG'] !== undefined) {
      writeFileSync(`${process.env['KEYHOUND_TEST_LOG']}-${prefix}`, stack.logs.join('\n'));
    }
  }
}

async function open(stack: Stack, growing: GrowingFile, scene: Scene) {
  const { detects, consoles = 0, others = [] } = scene;
  const many = (role: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => stack.start(role)));
  const members = [await many('console', consoles), await many('detect', detects)] as const;
  const rest = others.map(async (role) => ({ role, member: await stack.start(role) }));
  const ingest = await stack.start('ingest');
  const stage: Stage & { readonly written: Promise<void> } = {
    stack,
    consoles: members[0],
    detects: members[1],
    others: await Promise.all(rest),
    ingest,
    written: growing.write(),
    fed: (share) => growing.fed(share),
    get isFed() {
      return growing.isWhole;
    },
  };
  return stage;
}

const TERMINATED = 143;

/** SIGTERM, which each has to answer by saving its state. */
export async function endInOrder(members: readonly Member[]): Promise<void> {
  for (const { child } of members) child.kill('SIGTERM');
  for (const { child } of members) {
    const { status, signal } = await child.ended;
    if (status !== TERMINATED) throw new Error(`ended with ${status ?? signal}:\n${child.stderr}`);
  }
}

class GrowingFile {
  readonly file: string;
  private readonly log: Log;
  private written = 0;
  private waiting: { readonly bytes: number; readonly wake: () => void }[] = [];

  constructor(file: string, log: Log) {
    this.file = file;
    this.log = log;
    writeFileSync(file, '');
  }

  get isWhole(): boolean {
    return this.written >= this.log.bytes;
  }

  async write(): Promise<void> {
    const { file, bytes, feedMs } = this.log;
    const pieces = Math.max(1, Math.ceil(feedMs / PIECE_MS));
    const output = createWriteStream(this.file);
    const input = createReadStream(file, { highWaterMark: Math.ceil(bytes / pieces) });
    for await (const piece of input) {
      await new Promise((done) => output.write(piece, done));
      this.written += (piece as Buffer).length;
      for (const { bytes: at, wake } of this.waiting) if (at <= this.written) wake();
      this.waiting = this.waiting.filter(({ bytes: at }) => at > this.written);
      await sleep(PIECE_MS);
    }
    await new Promise<void>((done) => output.end(done));
  }

  fed(share: number): Promise<void> {
    const bytes = share * this.log.bytes;
    if (this.written >= bytes) return Promise.resolve();
    return new Promise((wake) => this.waiting.push({ bytes, wake }));
  }
}
