/** Several engines that share the key groups tell what one would, however the work falls out (promise 3). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ApiEvent, createEvent } from '../../../core/event.ts';
import type { Finding, Incident } from '../../../core/finding.ts';
import type { Attempt } from '../../../core/wire/layout.ts';
import { groupOfNetwork, isFailure } from '../../../detectors/engine/crowds.ts';
import { consumerOf } from '../../../detectors/engine/engine.ts';
import type { Report } from '../../../detectors/engine/exchange.ts';
import { createEventFiller } from '../../../traffic/api-event.ts';
import { nextUnit, STATE_WORDS, seedState } from '../../../traffic/random.ts';
import { createTraffic } from '../../../traffic/traffic.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';
import { type Bench, LATENESS_MS, latest, openBench } from '../bench.ts';
import { cloneEvent } from '../fixture-events.ts';
import { KeptState } from '../kept-state.ts';

const DAYS = 5;
const DAY_MS = 86_400_000;
const FROM_AT = Date.parse('2026-05-04T00:00:00Z');

function traffic(): ApiEvent[] {
  const kinds = ['stolen-key', 'error-burst', 'silence', 'spike', 'stuffing'] as const;
  const model = createTraffic({
    seed: 77,
    keys: 30,
    days: DAYS,
    rates: { min: 0.001, max: 0.01 },
    scenarios: [
      { kind: 'launch', fromAt: FROM_AT + 4 * DAY_MS, durationMs: 1_800_000, factor: 60 },
    ],
    attacks: kinds.map((kind, keyIndex) => ({
      kind,
      keyIndex,
      fromAt: FROM_AT + 3 * DAY_MS + keyIndex * 2_000_000,
      rateMin: 0.5,
    })),
  });
  const fill = createEventFiller();
  const event = createEvent();
  return Array.from(model.events(), (request, position) => {
    fill(request, event);
    event.position = position;
    return cloneEvent(event);
  });
}

const EVENTS = traffic();

/** What stands in the log of one shard. */
interface Item {
  readonly latestAt: number;
  readonly event?: ApiEvent;
  readonly attempt?: Attempt;
}

/** As the ingest role cuts the sequence: events by their key, authentication results by their network. */
function logs(count: number): Item[][] {
  const logs = Array.from({ length: count }, (): Item[] => []);
  const failing = new Set<number>();
  let latestAt = Number.NEGATIVE_INFINITY;
  for (const event of EVENTS) {
    const failed = isFailure(event);
    if (failed) failing.add(event.network);
    if (event.limitedBy === 0 && failing.has(event.network)) {
      const { at, stream, position, network, networkId, key } = event;
      const consumer = consumerOf(event, NO_DIRECTORY);
      const member = key.digest2;
      const attempt = { at, stream, position, network, networkId, member, failed, consumer };
      logs[groupOfNetwork(network) % count]!.push({ latestAt, attempt });
    }
    logs[(event.key.digest0 & 255) % count]!.push({ latestAt, event });
    latestAt = Math.max(latestAt, event.at);
  }
  for (const log of logs) log.push({ latestAt });
  return logs;
}

interface Running {
  bench: Bench;
  readonly kept: KeptState;
  /** Items applied, and how many of them are in the state that was saved last. */
  at: number;
  savedAt: number;
  /** Reports received, and those that the saved state knows. */
  heard: number;
  savedHeard: number;
}

/** Runs the shards in an order drawn from `seed`, with crashes of a share of the turns. */
function run(
  count: number,
  seed: number,
  crashes: number,
): { findings: Finding[]; incidents: Incident[] } {
  const random = new Uint32Array(STATE_WORDS);
  seedState(random, 0, seed);
  const draw = (): number => nextUnit(random, 0);
  const items = logs(count);
  const exchange: Report[] = [];
  const findings: Finding[] = [];
  const incidents: Incident[] = [];
  const start = (index: number, kept: KeptState, isNew: boolean): Bench => {
    const shard = { index, count };
    return openBench({ durable: true, shard, state: isNew ? undefined : kept.load() });
  };
  const shards = items.map((_, index): Running => {
    const kept = new KeptState();
    return { bench: start(index, kept, true), kept, at: 0, savedAt: 0, heard: 0, savedHeard: 0 };
  });
  const publish = ({ bench }: Running): void => {
    const report = bench.engine.report();
    if (report !== undefined) exchange.push(JSON.parse(JSON.stringify(report)) as Report);
    findings.push(...bench.findings.splice(0));
    incidents.push(...bench.incidents.splice(0));
  };
  while (shards.some(({ at }, i) => at < items[i]!.length)) {
    const index = Math.floor(draw() * count);
    const one = shards[index]!;
    const { engine, stream } = one.bench;
    for (const report of exchange.slice(one.heard)) engine.receive(report);
    one.heard = exchange.length;
    const until = Math.min(items[index]!.length, one.at + 1 + Math.floor(draw() * 1500));
    for (; one.at < until; one.at++) {
      const { latestAt, event, attempt } = items[index]![one.at]!;
      if (latestAt > 0 && !engine.reach(stream, latestAt)) break;
      if (event !== undefined) engine.observeShared(event);
      if (attempt !== undefined) engine.observeAttempt(attempt);
    }
    const fate = draw();
    if (fate < crashes) {
      // What was told before the crash was told.
      if (draw() < 0.5) publish(one);
      one.bench = start(index, one.kept, one.savedAt === 0);
      one.at = one.savedAt;
      one.heard = one.savedHeard;
      continue;
    }
    publish(one);
    if (fate > 0.93) {
      const checkpoint = engine.checkpoint();
      for (const { group, part } of checkpoint.groups)
        assert.equal(group % count, index, `${part} of another shard's key group`);
      one.kept.take(checkpoint);
      one.savedAt = one.at;
      one.savedHeard = one.heard;
    }
  }
  return { findings, incidents };
}

/** The last revision of each, in order of id. */
function settled({ findings, incidents }: Pick<Bench, 'findings' | 'incidents'>): string[] {
  const all = [...latest(findings), ...latest(incidents)];
  return all.map((line) => JSON.stringify(line)).sort();
}

const WHOLE = openBench({ durable: true });
WHOLE.feed(EVENTS);

describe('promise 3: key groups shared by several engines', () => {
  test('the traffic has incidents of keys, a network and the fleet', () => {
    const kinds = new Set(latest(WHOLE.incidents).map(({ subject }) => subject.kind));
    assert.deepEqual([...kinds].sort(), ['fleet', 'key', 'network']);
    assert.ok(latest(WHOLE.incidents).some(({ partOf }) => partOf !== undefined));
    assert.ok(LATENESS_MS > 0 && EVENTS.length > 20_000, `${EVENTS.length} events`);
  });

  for (const count of [1, 2, 5]) {
    test(`${count} of them, in any order, tell what one tells`, () => {
      assert.deepEqual(settled(run(count, 11 + count, 0)), settled(WHOLE));
    });
  }

  test('also when they crash and go on from what was saved', () => {
    assert.deepEqual(settled(run(3, 5, 0.01)), settled(WHOLE));
  });
});
