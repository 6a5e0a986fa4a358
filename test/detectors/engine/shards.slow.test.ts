/** Several engines that share the key groups tell what one would, however the work falls out (promise 3). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Closing, Rule } from '../../../core/control.ts';
import type { ApiEvent } from '../../../core/event.ts';
import { aboutOf, type Finding, type Incident } from '../../../core/finding.ts';
import type { ControlRecord } from '../../../core/store.ts';
import type { Attempt } from '../../../core/wire/layout.ts';
import { groupOfNetwork, isFailure } from '../../../detectors/engine/crowds.ts';
import { consumerOf } from '../../../detectors/engine/engine.ts';
import type { Report } from '../../../detectors/engine/exchange.ts';
import { groupOfIncident } from '../../../detectors/engine/subject-group.ts';
import { nextUnit, STATE_WORDS, seedState } from '../../../traffic/random.ts';
import { createTraffic } from '../../../traffic/traffic.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';
import { eventsOf } from '../../support/traffic-events.ts';
import { type Bench, LATENESS_MS, latest, openBench } from '../bench.ts';
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
  return eventsOf(model);
}

const EVENTS = traffic();

/** What stands in the log of one shard. */
interface Item {
  readonly latestAt: number;
  readonly event?: ApiEvent;
  readonly attempt?: Attempt;
  readonly control?: ControlRecord;
}

/** What people say before the event of a position. */
type Said = ReadonlyMap<number, ControlRecord>;
const NOTHING_SAID: Said = new Map();

/** As the ingest role cuts the sequence: events by their key, authentication results by their network. */
function logs(count: number, said: Said): Item[][] {
  const logs = Array.from({ length: count }, (): Item[] => []);
  const failing = new Set<number>();
  let latestAt = Number.NEGATIVE_INFINITY;
  for (const event of EVENTS) {
    const control = said.get(event.position);
    if (control !== undefined) for (const log of logs) log.push({ latestAt, control });
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
  said: Said = NOTHING_SAID,
): { closed: number; findings: Finding[]; incidents: Incident[] } {
  const random = new Uint32Array(STATE_WORDS);
  seedState(random, 0, seed);
  const draw = (): number => nextUnit(random, 0);
  const items = logs(count, said);
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
    engine.receive(exchange.slice(one.heard));
    one.heard = exchange.length;
    const until = Math.min(items[index]!.length, one.at + 1 + Math.floor(draw() * 1500));
    for (; one.at < until; one.at++) {
      const { latestAt, event, attempt, control } = items[index]![one.at]!;
      if (latestAt > 0 && !engine.reach(stream, latestAt)) break;
      if (event !== undefined) engine.observeShared(event);
      if (attempt !== undefined) engine.observeAttempt(attempt);
      if (control !== undefined) engine.control(control);
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
  const closed = shards.map(({ bench }) => bench.engine.stats().closedAs);
  const sum = closed.reduce((sum, as) => sum + as['false-alarm'] + as.resolved, 0);
  return { findings, incidents, closed: sum };
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

/** Closes incidents of every kind, open ones and closed ones, and makes rules that end and that are removed. */
function saidOf({ findings, incidents }: Bench): Said {
  const said = new Map<number, ControlRecord>();
  const say = (afterAt: number, kind: ControlRecord['kind'], body: object): void => {
    const i = EVENTS.findIndex(({ at }) => at > afterAt);
    let { position } = EVENTS[i === -1 ? EVENTS.length - 1 : i]!;
    while (said.has(position)) position++;
    const before = EVENTS.slice(0, position).reduce((most, { at }) => Math.max(most, at), 0);
    const change = body as Readonly<Record<string, unknown>>;
    said.set(position, { sequence: 0, at: before, kind, body: change });
  };
  const opened = (incident: Incident): number => Date.parse(incident.openedAt);
  for (const [i, incident] of latest(incidents).entries()) {
    // As it was told when somebody looks at it.
    const { subject } = incident;
    const evidence = latest(findings)
      .filter(({ id }) => incident.findings.includes(id))
      .map((finding) => ({
        detector: finding.detector,
        about: aboutOf(finding),
        score: finding.score,
      }));
    const afterAt =
      i % 3 === 0 ? Date.parse(incident.closedAt ?? '') + 60_000 : opened(incident) + 200_000;
    const closing: Closing = {
      as: i % 2 === 0 ? 'false-alarm' : 'resolved',
      by: 'ann',
      reason: 'known',
      incident,
      evidence,
      untilAt: opened(incident) + 30 * DAY_MS,
      ...groupOf(incident),
    };
    say(Number.isFinite(afterAt) ? afterAt : opened(incident) + 200_000, 'close', closing);
    const rule = (kind: Rule['kind'], id: string): Rule => ({
      id,
      kind,
      subject: subject.id,
      fromAt: opened(incident),
      untilAt: i % 2 === 0 ? null : opened(incident) + 400_000,
      by: 'ann',
      reason: 'known',
    });
    if (i % 4 === 1)
      say(opened(incident) + 50_000, 'silence', { change: 'add', rule: rule('silence', `s${i}`) });
    if (i % 4 === 3)
      say(opened(incident) + 100_000, 'allow', { change: 'add', rule: rule('allow', `a${i}`) });
    if (i % 8 === 1) {
      const remove = { change: 'remove', id: `s${i}`, by: 'ann', reason: 'over' };
      say(opened(incident) + 300_000, 'silence', remove);
    }
  }
  const inOrder = [...said].sort(([a], [b]) => a - b);
  return new Map(inOrder.map(([at, record], i) => [at, { ...record, sequence: i + 1 }]));
}

function groupOf(incident: Incident): { readonly group?: number } {
  const group = groupOfIncident(incident, {
    digest0: (id) => EVENTS.find(({ key }) => key.id === id)!.key.digest0,
    network: (id) => EVENTS.find(({ networkId }) => networkId === id)!.network,
  });
  return group === undefined ? {} : { group };
}

describe('promise 3: what people say to several engines', () => {
  const said = saidOf(WHOLE);
  const whole = openBench({ durable: true });
  for (const event of EVENTS) {
    const control = said.get(event.position);
    if (control !== undefined) whole.engine.control(control);
    whole.feed([event]);
  }
  const { closedAs } = whole.engine.stats();
  const closed = closedAs['false-alarm'] + closedAs.resolved;

  test('closes incidents of keys, networks and the fleet, silences and allows', () => {
    const kinds = [...said.values()].map(({ kind }) => kind);
    assert.deepEqual([...new Set(kinds)].sort(), ['allow', 'close', 'silence']);
    const by = latest(whole.incidents).filter(({ closedBy }) => closedBy !== undefined);
    const subjects = new Set(by.map(({ subject }) => subject.kind));
    assert.deepEqual([...subjects].sort(), ['fleet', 'key', 'network']);
    assert.notDeepEqual(settled(whole), settled(WHOLE));
    assert.ok(latest(whole.incidents).some(({ silencedBy }) => silencedBy !== undefined));
  });

  for (const count of [1, 2, 5]) {
    test(`${count} of them tell what one tells, and count each closing once`, () => {
      const found = run(count, 23 + count, 0, said);
      assert.deepEqual(settled(found), settled(whole));
      assert.equal(found.closed, closed);
    });
  }

  test('also when they crash: a record that was applied and lost is applied again', () => {
    assert.deepEqual(settled(run(3, 7, 0.01, said)), settled(whole));
  });
});
