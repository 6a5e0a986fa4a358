/** What limits depend on: the registry, the calendar, and what detection has seen and saved of a key. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecideFacts } from '../../../app/distributed/decide-facts.ts';
import { createLimitFacts, type KnownUse, knownUse } from '../../../app/response/limit-facts.ts';
import { calendarOf, NO_CALENDAR } from '../../../core/calendar.ts';
import { keyEntrySchema } from '../../../core/config.ts';
import type { ApiEvent } from '../../../core/event.ts';
import { namedIdentity } from '../../../enrich/digest.ts';
import { loadRegistry } from '../../../enrich/registry.ts';
import type { StateReader } from '../../../store/redis/reader.ts';
import { createTraffic } from '../../../traffic/traffic.ts';
import { openBench } from '../../detectors/bench.ts';
import { hex, KeptState } from '../../detectors/kept-state.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';
import { eventsOf } from '../../support/traffic-events.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const DAYS = 9;
const FROM_AT = Date.parse('2026-05-04T00:00:00Z');
const NOW = FROM_AT + DAYS * DAY_MS;
const clock = { now: () => NOW };

/** Nine days of three keys; the first is stolen on the eighth, and nothing says so afterwards. */
const EVENTS = traffic();
const [STOLEN, OTHER] = [0, 1].map((index) => keyAt(index));
const NOBODY = namedIdentity('gone').id;

function traffic(): ApiEvent[] {
  const attack = { kind: 'stolen-key', keyIndex: 0, fromAt: FROM_AT + 7 * DAY_MS } as const;
  const model = createTraffic({
    ...{ seed: 5, keys: 3, days: DAYS, fromAt: FROM_AT, rates: { min: 0.004, max: 0.006 } },
    attacks: [{ ...attack, durationMs: HOUR_MS, rateMin: 1 }],
  });
  return eventsOf(model);
}

function keyAt(index: number): string {
  const counts = new Map<string, number>();
  for (const { key, at } of EVENTS) {
    if (at < FROM_AT + 7 * DAY_MS || at > FROM_AT + 7 * DAY_MS + HOUR_MS) continue;
    counts.set(key.id, (counts.get(key.id) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[index]![0];
}

function facts(keys: readonly object[], known: (id: string) => KnownUse | undefined) {
  const entries = keys.map((key) => keyEntrySchema.parse(key));
  return createLimitFacts({
    ...{ clock, known, detectors: {}, calendar: NO_CALENDAR },
    directory: loadRegistry(entries, import.meta.dirname, []),
  });
}

describe('what limits depend on', () => {
  test('detection tells how busy a key is, since when, and since when nothing was wrong with it', () => {
    const bench = openBench();
    bench.feed(EVENTS);
    const other = knownUse(bench.engine, OTHER!)!;
    assert.ok(other.hourP99 > 0);
    assert.ok(other.firstAt < FROM_AT + HOUR_MS);
    assert.equal(other.cleanSinceAt, other.firstAt);
    const stolen = knownUse(bench.engine, STOLEN!)!;
    assert.equal(stolen.cleanSinceAt, FROM_AT + 8 * DAY_MS);
    assert.equal(knownUse(bench.engine, NOBODY), undefined);

    const said = facts([], (id) => knownUse(bench.engine, id))(OTHER!)!;
    assert.equal(said.hours, Math.floor((NOW - other.firstAt) / HOUR_MS));
    assert.equal(said.hourP99, other.hourP99);
    assert.equal(said.sunsetAt, undefined);
  });

  test('under suspicion no record is clean', () => {
    const bench = openBench();
    bench.feed(EVENTS.filter(({ at }) => at < FROM_AT + 7 * DAY_MS + HOUR_MS / 2));
    assert.equal(knownUse(bench.engine, STOLEN!)!.cleanSinceAt, undefined);
  });

  test('a key that another replaces ends after its overlap, one with an end no later than that', () => {
    const of = facts(
      [
        { id: 'kong:old', risk: 'low' },
        { id: 'kong:new', predecessor: 'kong:old', createdAt: '2026-05-10T00:00:00Z' },
        { id: 'kong:ends', scope: { expiresAt: '2026-06-01T00:00:00Z' } },
      ],
      () => undefined,
    );
    assert.equal(of('kong:old')!.sunsetAt, Date.parse('2026-05-12T00:00:00Z'));
    assert.equal(of('kong:ends')!.sunsetAt, Date.parse('2026-06-01T00:00:00Z'));
    assert.equal(of('kong:new')!.sunsetAt, undefined);
  });

  test('a planned event lets those more through whom it names', () => {
    const window = {
      ...{ name: 'plans', why: 'sale', detectors: [], factor: 4 },
      kind: 'planned' as const,
      ...{ fromAt: NOW - HOUR_MS, toAt: NOW + HOUR_MS },
      concerns: ({ consumer }: { readonly consumer: string }) => consumer === 'shop',
    };
    const of = createLimitFacts({
      ...{ clock, directory: NO_DIRECTORY, detectors: {}, calendar: calendarOf([window], '1') },
      known: (id) => ({ ...USE, consumer: id === 'kong:a' ? 'shop' : '' }),
    });
    assert.equal(of('kong:a')!.plannedFactor, 4);
    assert.equal(of('kong:b')!.plannedFactor, undefined);
  });
});

const USE: KnownUse = { consumer: '', firstAt: NOW, hourP99: 1, cleanSinceAt: NOW };

describe('what the decide role knows of keys', () => {
  const kept = new KeptState();
  const bench = openBench({ durable: true });
  bench.feed(EVENTS);
  kept.take(bench.engine.checkpoint());
  let reads = 0;
  let isAway = false;
  const { meta, subjects } = kept.load();
  const rows = [...subjects];
  const state = {
    meta: async () => meta,
    async subject(group: number, digest: Uint8Array) {
      reads += 1;
      const row = rows.find((one) => hex(one.digest) === hex(digest));
      return row?.group === group ? row : undefined;
    },
  } as unknown as StateReader;
  const options = {
    ...{ directory: NO_DIRECTORY, detectors: {}, partitions: 4 },
    state: async () => {
      if (isAway) throw new Error('away');
      return state;
    },
  };

  test('is what detection has saved, read beside the requests and not again at each', async () => {
    const decide = new DecideFacts(options, clock);
    assert.equal(decide.known(OTHER!), undefined);
    assert.equal(decide.known(NOBODY), undefined);
    isAway = true;
    await assert.rejects(decide.read());
    isAway = false;
    await decide.read();
    assert.deepEqual(decide.known(OTHER!), knownUse(bench.engine, OTHER!));
    assert.equal(decide.known(NOBODY), undefined);
    assert.equal(reads, 2);
    await decide.read();
    assert.equal(reads, 2);
  });

  test('made-up keys wait in a bounded queue', async () => {
    const decide = new DecideFacts(options, clock);
    for (let i = 0; i < 20_000; i++) decide.known(`kong:${i}`);
    assert.equal(decide.waitingKeys, 10_000);
  });
});
