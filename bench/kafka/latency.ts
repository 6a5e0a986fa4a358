/**
 * How late a finding is: records are pushed to the intake at a steady pace with the wall clock as their time, and
 * a finding is there when its message in the topic of incidents is read. Of each finding the first revision counts;
 * the event that made it is the one at its `toAt`. Volume, errors and time are left out: they wait for time to pass.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../../store/kafka/topics.ts';
import { drained, type Servers, Stack } from '../../test/judged/stack.ts';
import type { Say } from '../measure.ts';
import { loadNow } from './processes.ts';
import { history, ordinary, registry, stolen } from './records.ts';
import { follow } from './topics.ts';

const PARTITIONS = 16;
const TICK_MS = 10;
const VICTIMS = 300;
const HISTORY_LINES_A_PUSH = 5000;
/** Pushes under way; more wait: then the pace is not kept. */
const PUSHES_MAX = 64;
const WARM_MS = 5000;
const FAMILIES = ['place', 'credential', 'content'];

export interface LatencyResults {
  readonly wantedPerSecond: number;
  readonly reachedPerSecond: number;
  readonly findings: number;
  readonly byFamily: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
  readonly load: number;
}

interface Found {
  readonly family: string;
  readonly ms: number;
}

export async function measureLatency(
  servers: Servers,
  perSecond: number,
  seconds: number,
  say: Say,
): Promise<LatencyResults> {
  const sources = [{ name: 'gateway', kind: 'http', format: 'keyhound', token: TOKEN }];
  const stack = new Stack(servers, {
    prefix: `latency-${perSecond}`,
    partitions: PARTITIONS,
    sources,
    settings: { keys: registry(VICTIMS) },
  });
  try {
    await stack.createTopics();
    const detect = await stack.start('detect');
    const ingest = await stack.start('ingest');
    const { intake } = ingest;
    say('latency: history');
    await pushHistory(intake);
    await drained(() => [detect], 'events', PARTITIONS);
    say(`latency at ${perSecond} events a second for ${seconds} s (load ${loadNow().toFixed(1)})`);
    return await measured(stack, intake, perSecond, seconds);
  } finally {
    await stack.end();
  }
}

const TOKEN = 'a-token-of-the-bench-not-a-secret';

async function push(intake: string, lines: readonly string[]): Promise<void> {
  const response = await fetch(`${intake}/intake/keyhound`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: lines.join('\n'),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`the intake says ${response.status}: ${text}`);
}

async function pushHistory(intake: string): Promise<void> {
  let lines: string[] = [];
  for (const line of history(VICTIMS, Date.now())) {
    lines.push(line);
    if (lines.length < HISTORY_LINES_A_PUSH) continue;
    await push(intake, lines);
    lines = [];
  }
  if (lines.length > 0) await push(intake, lines);
}

async function measured(
  stack: Stack,
  intake: string,
  perSecond: number,
  seconds: number,
): Promise<LatencyResults> {
  const found: Found[] = [];
  let warmAt = Number.POSITIVE_INFINITY;
  const stop = await follow(stack.kafkaConfig, topicNames(stack.prefix).incidents, (value, at) => {
    const line = JSON.parse(value.toString('utf8')) as Record<string, unknown>;
    if (line['type'] !== 'finding' || line['revision'] !== 1) return;
    const { family, toAt } = line as { family: string; toAt: string };
    const pushedAt = Date.parse(toAt);
    if (FAMILIES.includes(family) && pushedAt >= warmAt) found.push({ family, ms: at - pushedAt });
  });
  const beganAt = Date.now();
  warmAt = beganAt + WARM_MS;
  const sent = await pushSteadily(intake, perSecond, WARM_MS + seconds * 1000);
  const reachedPerSecond = sent / ((Date.now() - beganAt) / 1000);
  const load = loadNow();
  await sleep(2000);
  await stop();
  if (found.length === 0) throw new Error('nothing was found');
  const delays = found.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number) =>
    delays[Math.min(delays.length - 1, Math.floor(share * delays.length))]!;
  const byFamily = Object.fromEntries(
    FAMILIES.map((family) => [family, found.filter((one) => one.family === family).length]),
  );
  return {
    wantedPerSecond: perSecond,
    reachedPerSecond,
    findings: delays.length,
    byFamily,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    mostMs: delays.at(-1)!,
    load,
  };
}

/** Every tick what is due by then; victims one after another, three requests each. */
async function pushSteadily(intake: string, perSecond: number, lengthMs: number): Promise<number> {
  const beganAt = Date.now();
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  let sent = 0;
  let thefts = 0;
  for (;;) {
    const passedMs = Date.now() - beganAt;
    if (passedMs >= lengthMs || failure !== undefined) break;
    if (underWay.size < PUSHES_MAX) {
      const due = Math.floor((passedMs / 1000) * perSecond) - sent;
      const lines: string[] = [];
      const at = Date.now();
      for (let i = 0; i < due; i++) lines.push(ordinary(at, sent + i));
      sent += due;
      const theftsDue = Math.floor((passedMs / lengthMs) * VICTIMS * 3);
      for (; thefts < theftsDue; thefts++) lines.push(stolen(at, Math.floor(thefts / 3), thefts));
      if (lines.length > 0) {
        const pushed = push(intake, lines).catch((error: unknown) => {
          failure = error;
        });
        underWay.add(pushed);
        void pushed.then(() => underWay.delete(pushed));
      }
    }
    await sleep(TICK_MS);
  }
  await Promise.all(underWay);
  if (failure !== undefined) throw failure;
  return sent;
}
