/**
 * One process after the other is replaced by a version whose state is laid out in another way: partitions go on from
 * what was learned, at once, while others are still on the version before (promises 3 and 4).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KeyEntry } from '../../core/config.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import { type ApiEvent, createEvent, KEY_GROUPS } from '../../core/event.ts';
import type { Detector } from '../../detectors/detector.ts';
import type { Report } from '../../detectors/engine/exchange.ts';
import type { StateOf } from '../../detectors/engine/layout.ts';
import { openRedisState, type PartitionState, type RedisState } from '../../store/redis/state.ts';
import { type Bench, latest, openBench } from '../detectors/bench.ts';
import { type deletions, spoiled } from '../detectors/toy.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { NO_DIRECTORY } from '../support/directory.ts';

type State = StateOf<typeof deletions.layout> & { recent: number; usual: number; second: number };
type Seen = { second: number; weight: number };

/** Learns within a day what is usual; version 1 keeps it eight times as large. */
function toy(version: 1 | 2): Detector {
  const scale = version === 1 ? 8 : 1;
  const recentAt = (state: State, second: number) =>
    state.recent * Math.exp(-Math.max(0, second - state.second) / 600);
  return spoiled({
    version,
    init: (state: State) => {
      state.usual = scale;
    },
    observe(state: State, event: ApiEvent, subject: Seen, settings: { deletesMin: number }) {
      if (event.method !== 'DELETE') return 0;
      const recent = recentAt(state, subject.second) + 1;
      return recent < settings.deletesMin ? 0 : ((scale * recent) / state.usual) ** 2;
    },
    describe: (state: State, event: ApiEvent) => ({
      fromAt: event.at,
      observed: { deletions: 1 },
      expected: { deletions: state.usual / scale },
      why: 'many deletions',
      parts: [{ name: 'deletions', score: 1 }],
    }),
    learn(state: State, event: ApiEvent, subject: Seen) {
      if (event.method !== 'DELETE') return;
      state.recent = recentAt(state, subject.second) + 1;
      state.second = subject.second;
      state.usual += 0.015625 * subject.weight * (scale * state.recent - state.usual);
    },
    migrate(state: State, from: number) {
      state.usual /= 8;
      return version === 2 && from === 1;
    },
  });
}

const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OLD = 'toy:old';
const HEIR = 'toy:heir';
/** By id: what decides the key group. Odd ones are of partition 1. */
const DIGESTS: Readonly<Record<string, number>> = {
  'toy:even': 12,
  'toy:odd': 13,
  'toy:idle': 15,
  [OLD]: 17,
  [HEIR]: 18,
};
const ENTRY = { id: HEIR, predecessor: OLD, risk: 'normal' } as KeyEntry;
const DIRECTORY: KeyDirectory = {
  ...NO_DIRECTORY,
  size: 1,
  entry: (id) => (id === HEIR ? ENTRY : undefined),
  all: () => [ENTRY],
  declared: (id) => (id === HEIR ? { entry: ENTRY } : undefined),
};

/** Hours at which the phases end: both on version 1; one of them on 2; both on 2. */
const PHASES = [48, 60, 72] as const;
/** Keys delete four things every hour; in each phase but the first, forty. */
const ATTACKS_AT = [54, 66] as const;

function eventsOf(id: string, hours: number[], deletes: (hour: number) => number): ApiEvent[] {
  const digest = DIGESTS[id]!;
  return hours.flatMap((hour) =>
    Array.from({ length: Math.max(6, deletes(hour)) }, (_, i) => ({
      ...createEvent(),
      key: { id, digest0: digest, digest1: digest, digest2: 1, digest3: 1 },
      at: FROM_AT + hour * HOUR_MS + i * 20_000,
      attested: true,
      mayAct: true,
      status: 200,
      method: i < deletes(hour) ? 'DELETE' : 'GET',
    })),
  );
}

function traffic(): ApiEvent[] {
  const hours = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const deletes = (hour: number) => (ATTACKS_AT.some((at) => at === hour) ? 40 : 4);
  const all = [
    ...eventsOf('toy:even', hours(0, 72), deletes),
    ...eventsOf('toy:odd', hours(0, 72), deletes),
    ...eventsOf('toy:idle', hours(0, 40), () => 4),
    ...eventsOf(OLD, hours(0, 70), () => 4),
    ...eventsOf(HEIR, hours(70, 72), () => 6),
  ];
  all.sort((a, b) => a.at - b.at);
  for (const [position, event] of all.entries()) event.position = position;
  return all;
}

const EVENTS = traffic();
const GROUPS = Array.from({ length: KEY_GROUPS }, (_, group) => group);
const settings = { deletions: {} };

/** A process that has one partition. */
interface Process {
  readonly redis: RedisState;
  readonly state: PartitionState;
  readonly bench: Bench;
  at: number;
  heard: number;
}

let server: RedisServer;
const exchange: Report[] = [];
const told: Pick<Bench, 'findings' | 'incidents'> = { findings: [], incidents: [] };
const open: RedisState[] = [];

before(async () => {
  server = await startRedis();
});
after(async () => {
  for (const redis of open) await redis.close();
  await server?.stop();
});

/** Claims the partition, and goes on from what is there. */
async function start(partition: number, version: 1 | 2): Promise<Process> {
  const redis = await openRedisState({
    config: server.config('upgrade'),
    partitions: 2,
    pepperFingerprint: '0123456789abcdef',
  });
  open.push(redis);
  const groups = GROUPS.filter((group) => group % 2 === partition);
  const state = await redis.partition(partition, groups);
  const loaded = await state.load();
  const bench = openBench({
    detectors: [toy(version)],
    settings,
    directory: DIRECTORY,
    durable: true,
    shard: { index: partition, count: 2 },
    state: loaded,
  });
  const at = loaded?.logPosition ?? 0;
  const heard = (loaded?.meta['exchange'] as { heardTo: number } | undefined)?.heardTo ?? 0;
  return { redis, state, bench, at, heard };
}

function publish({ bench }: Process): void {
  const report = bench.engine.report();
  if (report !== undefined) exchange.push(JSON.parse(JSON.stringify(report)) as Report);
  told.findings.push(...bench.findings.splice(0));
  told.incidents.push(...bench.incidents.splice(0));
}

async function save({ bench, state, at, heard }: Process): Promise<void> {
  const checkpoint = bench.engine.checkpoint();
  await state.commit({
    ...checkpoint,
    meta: { ...checkpoint.meta, exchange: { heardTo: heard } },
    logPosition: at,
    findings: [],
    incidents: [],
    inputs: [],
    usage: [],
    controls: [],
    deadLetters: [],
  });
}

/** All events before an hour, by the processes of both partitions in turns, and saved. */
async function play(processes: readonly Process[], hour: number): Promise<void> {
  const untilAt = FROM_AT + hour * HOUR_MS;
  const end = EVENTS.filter(({ at }) => at < untilAt).length;
  while (processes.some(({ at }) => at < end)) {
    for (const [index, one] of processes.entries()) {
      const { engine, stream } = one.bench;
      engine.receive(exchange.slice(one.heard));
      one.heard = exchange.length;
      for (; one.at < end; one.at++) {
        const event = EVENTS[one.at]!;
        const latestAt = EVENTS[one.at - 1]?.at ?? Number.NEGATIVE_INFINITY;
        if (!engine.reach(stream, latestAt)) break;
        if ((event.key.digest0 & 1) === index) engine.observeShared(event);
      }
      publish(one);
    }
  }
  for (const one of processes) await save(one);
}

/** The last revision of each, without what names the version. */
function settled({ findings, incidents }: Pick<Bench, 'findings' | 'incidents'>): string[] {
  const bare = (name: string, value: unknown) => (name === 'versions' ? undefined : value);
  return [...latest(findings), ...latest(incidents)]
    .map((line) => JSON.stringify(line, bare))
    .sort();
}

describe('a rolling upgrade', () => {
  const processes: Process[] = [];

  test('both partitions learn, on version 1', async () => {
    processes.push(await start(0, 1), await start(1, 1));
    await play(processes, PHASES[0]);
    assert.deepEqual(told.findings, [], 'what is usual is not told');
  });

  test('one goes on with version 2: its owner before is fenced, the other one stays on 1', async () => {
    const old = processes[1]!;
    const before = old.bench.record('toy:idle');
    processes[1] = await start(1, 2);
    await assert.rejects(save(old), { code: 'fenced' });
    const { bench } = processes[1];
    assert.equal(bench.engine.stats().subjects, 3, 'all its keys are there at once');
    assert.notEqual(bench.record('toy:idle'), before, 'converted');
    await play(processes, PHASES[1]);
    const layouts = exchange.flatMap(({ spans }) =>
      spans.flatMap((s) => s.predecessors?.layout ?? []),
    );
    assert.equal(new Set(layouts).size, 2, 'records of predecessors were told in both layouts');
  });

  test('then the other one', async () => {
    processes[0] = await start(0, 2);
    await play(processes, PHASES[2]);
  });

  test('together they have told what one engine of version 2 tells of it all', () => {
    const whole = openBench({ detectors: [toy(2)], settings, directory: DIRECTORY, durable: true });
    whole.feed(EVENTS);
    const attacked = latest(whole.findings).map(({ subject }) => subject.id);
    // The heir deletes more than its predecessor did, of which it knows from the other partition.
    const each = ['toy:even', 'toy:odd', HEIR].sort();
    assert.deepEqual([...new Set(attacked)].sort(), each);
    assert.deepEqual(settled(told), settled(whole));
    const relearning = openBench({ detectors: [toy(2)], settings, durable: true });
    relearning.feed(EVENTS.filter(({ at }) => at >= FROM_AT + PHASES[0] * HOUR_MS));
    assert.notDeepEqual(settled(relearning), settled(whole), 'what was learned made a difference');
  });

  test('keys that were not used since are saved in the new layout too', async () => {
    const live = processes[1]!.bench.records();
    processes[1] = await start(1, 2);
    assert.deepEqual(processes[1].bench.records(), live);
  });

  test('a process of version 1 refuses what version 2 has saved', async () => {
    await assert.rejects(start(1, 1), { code: 'state-layout' });
  });
});
