/**
 * How much a detect process applies per CPU-second: it drains a topic that ingest has filled before, from the first
 * event on and with nothing learned. All that the process has used counts, its start included.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../../store/kafka/topics.ts';
import { drained, type Member, type Servers, Stack } from '../../test/judged/stack.ts';
import { runChild } from '../child.ts';
import type { BenchFile } from '../data.ts';
import type { Say } from '../measure.ts';
import { pairs } from '../statistics.ts';
import { cpuSecondsOf, loadNow, residentBytesOf } from './processes.ts';
import { fillWithJson, forgetDetection, sizeOf, type TopicSize } from './topics.ts';

/** As many as `kafka.partitions` is by default. */
const PARTITIONS = 16;
/** The tests save every second; the product does when it is due by default. */
const settings = { state: { dir: 'state' } };
const PATIENCE_MS = 900_000;
/** Each look costs the process what it answers. */
const LOOK_MS = 2000;
const TOLD_MAX = 6000;

export interface DrainResults {
  readonly log: string;
  readonly lines: number;
  /** One figure a round. */
  readonly bare: readonly number[];
  /** Two bare loops at the same time over one alone: what the machine itself loses while both its cores work. */
  readonly bareTwoToOne: readonly number[];
  readonly one: readonly number[];
  readonly two: readonly number[];
  /** Over the bare loop of the same round. */
  readonly oneToBare: readonly number[];
  /** Over the single process of the same round. */
  readonly twoToOne: readonly number[];
  /** The same from the first third of the events on: code is compiled by then, once in each process. */
  readonly warmTwoToOne: readonly number[];
  /** CPU of ingest, s for each million events; reading the file included. */
  readonly ingestSecondsPerMillion: number;
  readonly ingestResidentBytes: number;
  /** Of one process with all partitions, at the end. */
  readonly detectResidentBytes: number;
  readonly events: TopicSize;
  readonly load: number;
}

export interface DrainOptions {
  /** Of the log; topics are named after it. */
  readonly name: string;
  readonly rounds: number;
  readonly folder: string;
  readonly say: Say;
}

export async function measureDrain(
  servers: Servers,
  file: BenchFile,
  { name, rounds, folder, say }: DrainOptions,
): Promise<DrainResults> {
  const sources = [{ name: 'log', kind: 'file', format: 'kong', path: path.resolve(file.path) }];
  const bareTopic = `bare-${name}`;
  const stack = new Stack(servers, {
    prefix: `drain-${name}`,
    partitions: PARTITIONS,
    sources,
    settings,
  });
  try {
    await stack.createTopics();
    say('filling the topics');
    const ingest = await fill(stack, file);
    await fillWithJson(stack.kafkaConfig, bareTopic, file.path);
    const events = await sizeOf(stack.kafkaConfig, topicNames(stack.prefix).events);
    const words = ['bench/variants/kafka-parse.ts', servers.kafka.brokers[0]!, bareTopic];
    const bare: number[] = [];
    const bareTwo: number[] = [];
    const one: Drained[] = [];
    const two: Drained[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`draining, round ${round} of ${rounds} (load ${loadNow().toFixed(1)})`);
      const bareLoop = () => runChild([...words, String(file.lines)], folder);
      bare.push(file.lines / (await bareLoop()).cpuSeconds);
      const both = await Promise.all([bareLoop(), bareLoop()]);
      bareTwo.push((2 * file.lines) / (both[0].cpuSeconds + both[1].cpuSeconds));
      one.push(await drain(stack, file.lines, 1));
      two.push(await drain(stack, file.lines, 2));
    }
    const speeds = (all: readonly Drained[]) => all.map((drain) => drain.perCpuSecond);
    const warmSpeeds = (all: readonly Drained[]) => all.map((drain) => drain.warmPerCpuSecond);
    return {
      log: name,
      lines: file.lines,
      ...ingest,
      bare,
      bareTwoToOne: pairs(bareTwo, bare),
      one: speeds(one),
      two: speeds(two),
      oneToBare: pairs(speeds(one), bare),
      twoToOne: pairs(speeds(two), speeds(one)),
      warmTwoToOne: pairs(warmSpeeds(two), warmSpeeds(one)),
      detectResidentBytes: Math.max(...one.map(({ residentBytes }) => residentBytes)),
      events,
      load: loadNow(),
    };
  } finally {
    await stack.end();
  }
}

async function fill(stack: Stack, file: BenchFile) {
  const ingest = await stack.start('ingest');
  await ingest.read(file.lines);
  const ingestSecondsPerMillion = (cpuSecondsOf(ingest.child.pid) / file.lines) * 1e6;
  const ingestResidentBytes = residentBytesOf(ingest.child.pid);
  await end([ingest]);
  return { ingestSecondsPerMillion, ingestResidentBytes };
}

interface Drained {
  readonly perCpuSecond: number;
  readonly warmPerCpuSecond: number;
  readonly residentBytes: number;
}

async function drain(stack: Stack, events: number, processes: number): Promise<Drained> {
  await forgetDetection(stack.kafkaConfig, stack.servers.redis.url);
  const members: Member[] = [];
  for (let i = 0; i < processes; i++) members.push(await stack.start('detect'));
  let warm: Mark | undefined;
  await withinPatience(members, async () => {
    warm = await warmedUp(members, events / 3);
    await drained(() => members, 'events', stack.partitions, LOOK_MS);
  });
  const { applied, used } = await markOf(members);
  const residentBytes = Math.max(...members.map(({ child }) => residentBytesOf(child.pid)));
  await end(members);
  const warmPerCpuSecond = (applied - warm!.applied) / (used - warm!.used);
  return { perCpuSecond: events / used, warmPerCpuSecond, residentBytes };
}

interface Mark {
  /** Events so far, by all members. */
  readonly applied: number;
  /** CPU-seconds so far. */
  readonly used: number;
}

async function markOf(members: readonly Member[]): Promise<Mark> {
  const texts = await Promise.all(members.map((member) => member.get('/metrics')));
  const counts = texts.map((text) => /^keyhound_applied_events_total (\d+)/m.exec(text)?.[1]);
  return {
    applied: counts.reduce((sum, count) => sum + Number(count), 0),
    used: members.reduce((sum, { child }) => sum + cpuSecondsOf(child.pid), 0),
  };
}

async function warmedUp(members: readonly Member[], events: number): Promise<Mark> {
  for (;;) {
    const mark = await markOf(members);
    if (mark.applied >= events) return mark;
    await sleep(LOOK_MS / 2);
  }
}

/** Rejects with what the processes have said when it takes too long. */
async function withinPatience(
  members: readonly Member[],
  work: () => Promise<void>,
): Promise<void> {
  const patience = new AbortController();
  const late = sleep(PATIENCE_MS, undefined, { signal: patience.signal }).then(() => {
    const said = members.map(({ child }) => child.stderr.slice(-TOLD_MAX)).join('\n\n');
    throw new Error(`not drained after ${PATIENCE_MS / 1000} s:\n${said}`);
  });
  await Promise.race([work(), late]).finally(() => patience.abort());
  late.catch(() => {});
}

async function end(members: readonly Member[]): Promise<void> {
  for (const { child } of members) child.kill('SIGTERM');
  await Promise.all(members.map(({ child }) => child.ended));
}
