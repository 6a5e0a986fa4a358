/** A rotated key goes on with what was learned of the key that it replaces. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KeyEntry } from '../../../core/config.ts';
import type { KeyDirectory } from '../../../core/directory.ts';
import { type ApiEvent, createEvent } from '../../../core/event.ts';
import { AUTH } from '../../../core/record.ts';
import { keyStateOf } from '../../../detectors/engine/key-states.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';
import { type Bench, latest, learned, openBench } from '../bench.ts';

const DAY_MS = 86_400_000;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const HEIR = 'kong:new';

const ENTRY = { id: HEIR, predecessor: 'kong:old', risk: 'normal' } as KeyEntry;
const RELATED: KeyDirectory = {
  ...NO_DIRECTORY,
  size: 1,
  entry: (id) => (id === HEIR ? ENTRY : undefined),
  all: () => [ENTRY],
  declared: (id) => (id === HEIR ? { entry: ENTRY } : undefined),
};

const DIGESTS: Readonly<Record<string, number>> = { [HEIR]: 201, 'kong:old': 7, 'kong:third': 9 };

function use(id: string, at: number, position: number): ApiEvent {
  const digest = DIGESTS[id]!;
  return {
    ...createEvent(),
    at,
    position,
    key: { id, digest0: digest, digest1: digest, digest2: 1, digest3: 1 },
    attested: true,
    auth: AUTH.ok,
    status: 200,
  };
}

const UNTIL = FROM_AT + 21 * DAY_MS;

function* usesOf(id: string, count: number, fromAt: number, everyMs: number): Generator<ApiEvent> {
  // Positions grow with time, over both keys.
  for (let at = fromAt; at < fromAt + count * everyMs; at += everyMs)
    yield use(id, at, at - FROM_AT);
}

/** Three weeks of the old key at a request a minute, declared as the one that is replaced. */
const LEARNED = learned(usesOf('kong:old', 21 * 1440, FROM_AT, 60_000), { directory: RELATED });

/** Then these of the new one. */
function rotated(directory: KeyDirectory, count: number, everyMs: number): Bench {
  const bench = openBench({ directory, state: LEARNED });
  bench.feed(usesOf(HEIR, count, UNTIL, everyMs));
  return bench;
}

describe('a key with a predecessor', () => {
  test('has its rate and age, and its own first use and count', () => {
    for (const [directory, isHeir] of [
      [RELATED, true],
      [NO_DIRECTORY, false],
    ] as const) {
      const bench = rotated(directory, 10, 60_000);
      const { rate, header, subject } = bench.engine.judge;
      assert.equal(Math.abs(rate.base() * 60 - 1) < 0.05, isHeir, `${rate.base() * 60} a minute`);
      assert.equal(rate.ageHours > 500, isHeir);
      assert.equal(subject.firstAt, isHeir ? FROM_AT : FROM_AT + 21 * DAY_MS);
      assert.equal(header.events, 10);
      assert.equal(header.firstAt, FROM_AT + 21 * DAY_MS);
      const { firstAt, events } = bench.engine.key(HEIR)!;
      assert.deepEqual([firstAt, events], ['2026-03-23T00:00:00.000Z', 10]);
    }
  });

  test('has it too where it is declared after the last use of the old key', () => {
    const third = usesOf('kong:third', 1440, UNTIL, 60_000);
    const before = [...usesOf('kong:old', 21 * 1440, FROM_AT, 60_000), ...third];
    const bench = openBench({ directory: RELATED, state: learned(before) });
    bench.feed(usesOf('kong:third', 180, UNTIL + DAY_MS, 60_000));
    bench.feed(usesOf(HEIR, 1, UNTIL + DAY_MS + 180 * 60_000, 60_000));
    const { rate } = bench.engine.judge;
    const aMinute = rate.base() * 60;
    assert.ok(aMinute > 0.8 && aMinute < 1, `${aMinute} a minute, less by the day without use`);
    assert.ok(rate.ageHours > 500);
  });

  test('is held against what its predecessor made from its first minutes on', () => {
    const highest = (directory: KeyDirectory): number => {
      const bench = rotated(directory, 300, 500);
      const spikes = latest(bench.findings).filter(({ detector }) => detector === 'volume-spike');
      return Math.max(0, ...spikes.map(({ score }) => score));
    };
    assert.ok(highest(RELATED) > 8, 'no cap of a young key holds it down');
    assert.ok(highest(NO_DIRECTORY) < 7);
  });

  test('keeps nothing of the old key’s incident, and the old key nothing of its uses', () => {
    const bench = rotated(RELATED, 300, 500);
    const other = rotated(NO_DIRECTORY, 300, 500);
    assert.equal(bench.record('kong:old'), other.record('kong:old'));
    assert.ok(bench.incidents.every(({ subject }) => subject.id === HEIR));
  });
});

describe('a key that seems to have replaced another', () => {
  /** Three weeks of an old key, then five days of a new one; the old one goes on for `oldDays` of them. */
  function likely(oldDays: number, consumers: readonly [string, string]): string | undefined {
    const bench = openBench();
    const events: ApiEvent[] = [];
    for (let at = FROM_AT; at < UNTIL + oldDays * DAY_MS; at += 600_000)
      events.push({ ...use('kong:old', at, 0), consumer: consumers[0] });
    for (let at = UNTIL; at < UNTIL + 5 * DAY_MS; at += 600_000)
      events.push({ ...use(HEIR, at, 0), consumer: consumers[1] });
    events.sort((a, b) => a.at - b.at);
    bench.feed(events.map((event, position) => ({ ...event, position })));
    const { likelyPredecessor } = keyStateOf(bench.engine, HEIR)!;
    assert.equal(keyStateOf(bench.engine, 'kong:old')!.likelyPredecessor, undefined);
    return likelyPredecessor?.id;
  }

  test('is told with it, where one of the same consumer fell quiet as it began', () => {
    assert.equal(likely(0.5, ['acme', 'acme']), 'kong:old');
  });

  test('is told of no other: still used, of another consumer, or of nobody', () => {
    assert.equal(likely(5, ['acme', 'acme']), undefined);
    assert.equal(likely(0.5, ['acme', 'else']), undefined);
    assert.equal(likely(0.5, ['', '']), undefined);
  });
});
