/** Priors: made of the keys of a closed day, in force from the second day after it, and what they change. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { type ApiEvent, createEvent, type Place, UNKNOWN_PLACE } from '../../../core/event.ts';
import { AUTH } from '../../../core/record.ts';
import { defineDetector } from '../../../detectors/detector.ts';
import { type PeerSample, PeerSamples } from '../../../detectors/engine/peers.ts';
import { makePrior, type PriorBody } from '../../../detectors/engine/priors.ts';
import { newPlace } from '../../../detectors/new-place.ts';
import { volumeSpike } from '../../../detectors/volume-spike.ts';
import { type Bench, latest, openBench } from '../bench.ts';
import { KeptState } from '../kept-state.ts';

const DAY_MS = 86_400_000;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const GERMANY = 3 * 26 + 4 + 1;
const FRANCE = 5 * 26 + 17 + 1;
const BRAZIL = 1 * 26 + 17 + 1;

const place = (country: string, countryCode: number): Place => ({
  ...UNKNOWN_PLACE,
  country,
  countryCode,
  regionCode: countryCode,
  kind: 'public',
});
const DE = place('DE', GERMANY);
const FR = place('FR', FRANCE);
const BR = place('BR', BRAZIL);

/** Tells what it was given, and what it counts in the first minute. */
const LAYOUT = { given: 'f32', seen: 'u8' } as const;
const given = defineDetector<typeof LAYOUT, { enabled: boolean }>({
  id: 'given',
  version: 1,
  family: 'content',
  summary: 'tells what it was given',
  aloneMax: 9,
  config: z.strictObject({ enabled: z.boolean().default(true).describe('Whether it runs.') }),
  layout: LAYOUT,
  usesPlaces: false,
  seesFailures: false,
  usesPrior: true,
  fromPeers: ['given'],
  routesInFirstMinute: (state) => state.seen,
  init(state) {
    state.given = 1;
  },
  readyAt: (subject) => subject.firstAt,
  observe: (_state, event, subject) =>
    event.method === 'TELL' ? 4 + subject.prior.routesPerMinute / 10 : 0,
  describe: (state, event, subject) => ({
    fromAt: event.at,
    observed: { given: state.given, rate: subject.prior.rate },
    expected: {},
    why: 'it was asked',
    parts: [{ name: 'told', score: 1 }],
  }),
  learn(state, event) {
    state.given = event.bytesIn;
    state.seen = event.status - 190;
  },
});
const DETECTORS = [given, newPlace, volumeSpike];

interface Life {
  readonly number: number;
  readonly consumer: string;
  readonly place: Place;
  readonly everyMs: number;
}

/** Twenty keys of two consumers: those of acme ask ten times as often, from Germany; the others from France. */
const LIVES: readonly Life[] = Array.from({ length: 20 }, (_, i) => ({
  number: i + 1,
  consumer: i < 10 ? 'acme' : 'globex',
  place: i < 10 ? DE : FR,
  everyMs: i < 10 ? 600_000 : 6_000_000,
}));

function use(life: Life, at: number, change: Partial<ApiEvent> = {}): ApiEvent {
  const { number, consumer } = life;
  return {
    ...createEvent(),
    at,
    key: {
      id: `kong:${number}`,
      digest0: number * 7,
      digest1: number * 991,
      digest2: 1,
      digest3: 1,
    },
    attested: true,
    auth: AUTH.ok,
    status: 200,
    bytesIn: number,
    consumer,
    place: life.place,
    ...change,
  };
}

/** All keys' uses between two days, in order of time. */
function lived(lives: readonly Life[], from: number, to: number): ApiEvent[] {
  const events = lives.flatMap((life) => {
    const all: ApiEvent[] = [];
    for (let at = FROM_AT + from * DAY_MS; at < FROM_AT + to * DAY_MS; at += life.everyMs) {
      all.push(use(life, at + life.number * 1000));
    }
    return all;
  });
  return events.sort((a, b) => a.at - b.at);
}

function feed(bench: Bench, events: readonly ApiEvent[], from: number): number {
  let position = from;
  for (const event of events) bench.engine.observe({ ...event, position: position++ });
  return position;
}

const NEWCOMER = (consumer: string): Life => ({
  number: 77,
  consumer,
  place: DE,
  everyMs: 1,
});

/** What a key of a consumer is told on its first use, on a day. */
function firstTold(bench: Bench, consumer: string, day: number, position: number) {
  const at = FROM_AT + day * DAY_MS + 1000;
  feed(bench, [use(NEWCOMER(consumer), at, { method: 'TELL' })], position);
  return latest(bench.findings).find(({ subject }) => subject.id === 'kong:77')!;
}

describe('a new key', () => {
  test('knows nothing of others until some of them are 14 days old, and the second day after', () => {
    for (const [day, version] of [
      [14.99, undefined],
      [15.01, '2026-03-15 consumer'],
      [15.99, '2026-03-15 consumer'],
      [16.01, '2026-03-16 consumer'],
    ] as const) {
      const bench = openBench({ detectors: DETECTORS });
      const position = feed(bench, lived(LIVES, 0, day), 0);
      const { versions, score } = firstTold(bench, 'acme', day, position);
      assert.equal(versions['prior'], version, `day ${day}`);
      assert.equal(score, version === undefined ? 4.3 : 5, '3 routes a minute, then 10');
    }
  });

  test('starts from the keys of its consumer, of which there must be five, else from all', () => {
    const told = (consumer: string) => {
      const bench = openBench({ detectors: DETECTORS });
      const position = feed(bench, lived(LIVES, 0, 18), 0);
      const { versions, observed } = firstTold(bench, consumer, 18.01, position);
      return {
        kind: String(versions['prior']).split(' ')[1],
        given: observed['given'],
        rate: Number(observed['rate']),
      };
    };
    const acme = told('acme');
    assert.deepEqual({ ...acme, rate: 0 }, { kind: 'consumer', given: 5, rate: 0 });
    assert.ok(Math.abs(acme.rate * 600 - 1) < 0.05, String(acme.rate));
    const globex = told('globex');
    assert.deepEqual({ ...globex, rate: 0 }, { kind: 'consumer', given: 15, rate: 0 });
    const stranger = told('initech');
    assert.deepEqual({ ...stranger, rate: 0 }, { kind: 'fleet', given: 10, rate: 0 });
    assert.ok(stranger.rate < acme.rate && stranger.rate >= globex.rate);
  });

  test('expects the rate of its peers, not that of nobody', () => {
    const bench = openBench({ detectors: DETECTORS });
    const position = feed(bench, lived(LIVES, 0, 18), 0);
    firstTold(bench, 'acme', 18.01, position);
    const base = bench.engine.judge.rate.base();
    assert.ok(Math.abs(base * 600 - 1) < 0.1, `${base} a second`);
  });

  test('a country where no peer is weighs more than one where all are', () => {
    const bench = openBench({ detectors: DETECTORS });
    const position = feed(bench, lived(LIVES, 0, 20), 0);
    const stranger = { ...LIVES[0]!, place: BR };
    const known = { ...LIVES[1]!, place: FR };
    const at = FROM_AT + 20 * DAY_MS;
    const visits = [0, 1, 2, 3, 4, 5].flatMap((i) => [
      use(stranger, at + i * 20_000),
      use(known, at + i * 20_000 + 1),
    ]);
    feed(bench, visits, position);
    const found = latest(bench.findings).filter(({ detector }) => detector === 'new-place');
    const scoreOf = (id: string) => found.find(({ subject }) => subject.id === id)?.score ?? 0;
    assert.ok(scoreOf('kong:1') > 0, 'Brazil is found');
    assert.ok(
      Math.abs(scoreOf('kong:1') - scoreOf('kong:2')) < 1e-9,
      'no key of acme is in either',
    );
    for (const { versions } of found) assert.match(String(versions['prior']), / consumer$/);
  });

  test('is judged again with the prior that it was judged with, whatever prior is in force', () => {
    const bench = openBench({ detectors: DETECTORS, durable: true });
    const position = feed(bench, lived(LIVES, 0, 18), 0);
    firstTold(bench, 'acme', 18.01, position);
    const { inputs } = bench.engine.checkpoint();
    const own = inputs.filter(({ detector }) => detector === 'given');
    assert.equal(own.length, 1);
    assert.equal(own[0]!.context.prior?.routesPerMinute, 10);
    const other = openBench({ detectors: DETECTORS });
    assert.equal(other.engine.recompute(own[0]!).identical, true);
    const { prior, ...rest } = own[0]!.context;
    assert.equal(
      other.engine.recompute({ ...own[0]!, context: rest }).identical,
      false,
      String(prior),
    );
  });
});

describe('a prior', () => {
  const sample = (order: number, change: Partial<PeerSample> = {}): PeerSample => ({
    order,
    consumer: `c${order % 3}`,
    plan: order % 2 === 0 ? 'gold' : '',
    rate: order / 100,
    routes: order % 5,
    countries: [GERMANY, order],
    dispersion: [order, 1],
    starts: [order],
    ...change,
  });

  test('is the same in whatever order its keys were met', () => {
    const keys = Array.from({ length: 40 }, (_, i) => sample(i + 1));
    assert.deepEqual(makePrior(20_000, keys), makePrior(20_000, [...keys].reverse()));
    assert.equal(makePrior(20_000, keys.slice(0, 4)), undefined, 'four keys are nobody');
  });

  test('is bounded, however many keys, consumers and plans there are', () => {
    const keys = Array.from({ length: 2048 }, (_, i) =>
      sample(i, { consumer: `c${i % 300}`, plan: `p${i % 100}` }),
    );
    const prior = makePrior(20_000, keys)!;
    assert.equal(Object.keys(prior.consumers).length, 64);
    assert.equal(Object.keys(prior.plans).length, 16);
    assert.equal(prior.fleet.facts.countries.length, 32);
    const kept = new PeerSamples();
    for (const key of keys) if (kept.wants(9, key.order)) kept.add(9, key);
    assert.deepEqual(
      kept.take(9).map(({ order }) => order),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
  });

  test('comes out the same cut anywhere, and is told as a control record once', () => {
    const events = lived(LIVES, 0, 18).map((event, position) => ({ ...event, position }));
    const whole = openBench({ detectors: DETECTORS, durable: true });
    whole.feed(events);
    const told: PriorBody[] = [];
    const kept = new KeptState();
    let bench = openBench({ detectors: DETECTORS, durable: true });
    // Cuts in the hours in which keys are sampled and days are closed.
    const cuts = [16.001, 16.3, 16.95, 17.0001, 17.93].map((day) => FROM_AT + day * DAY_MS);
    let from = 0;
    for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
      const end = events.findIndex(({ at }) => at >= cut);
      bench.feed(events.slice(from, end < 0 ? undefined : end));
      from = end < 0 ? events.length : end;
      const checkpoint = bench.engine.checkpoint();
      for (const { kind, body } of checkpoint.controls) {
        assert.equal(kind, 'prior');
        told.push(body as unknown as PriorBody);
      }
      kept.take(checkpoint);
      bench = openBench({ detectors: DETECTORS, durable: true, state: kept.load() });
    }
    const bodies = whole.engine.checkpoint().controls.map(({ body }) => body);
    assert.deepEqual(told, bodies);
    assert.ok(told.length >= 2);
  });
});
