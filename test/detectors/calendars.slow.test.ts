import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { z } from 'zod';
import { calendarSchema, keyEntrySchema } from '../../core/config.ts';
import { type ApiEvent, createEvent } from '../../core/event.ts';
import type { Finding } from '../../core/finding.ts';
import { finish, mix32 } from '../../core/hash.ts';
import { loadCalendars } from '../../enrich/calendars.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { type Bench, latest, openBench } from './bench.ts';
import { KeptState } from './kept-state.ts';

type Written = z.input<typeof calendarSchema>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const END_AT = Date.parse('2026-03-26T00:00:00Z');
/** Enough for volume; hours of the week take longer. */
const DAYS = 18;
const DAYS_OF_HOURS = 24;
/** Tuesday of the fourth week, 20:00: no whole hour, so that windows cut hours. */
const PLAN = { from: '2026-03-24T20:10', to: '2026-03-24T22:20', why: 'month end' };
const PLAN_AT = Date.parse(`${PLAN.from}Z`);
const PLAN_END_AT = Date.parse(`${PLAN.to}Z`);

interface Script {
  readonly days?: number;
  /** Requests a minute at an instant. */
  rate(at: number): number;
  status?(at: number): number;
}

/** A use of the key by its script, minute by minute. */
function* uses(script: Script, id = 'kong:app'): Generator<ApiEvent> {
  const key = { id, digest0: 7, digest1: 8, digest2: 9, digest3: 10 };
  let position = 0;
  const fromAt = END_AT - (script.days ?? DAYS) * DAY_MS;
  for (let at = fromAt, minute = 0; at < END_AT; at += MINUTE_MS, minute++) {
    for (let i = 0; i < script.rate(at); i++) {
      const jitter = Math.floor((finish(mix32(minute, i)) / 2 ** 32) * MINUTE_MS);
      const status = script.status?.(at) ?? 200;
      const event = { ...createEvent(), key, attested: true, mayAct: true, consumer: 'acme' };
      yield { ...event, status, at: at + jitter, position: position++ };
    }
  }
}

/** A few requests each minute by day, none from 19:00 to 06:00. */
const byDay = (at: number): number =>
  at % DAY_MS >= 6 * HOUR_MS && at % DAY_MS < 19 * HOUR_MS ? 2 : 0;
const steady = (): number => 2;
const isPlanned = (at: number): boolean => at >= PLAN_AT && at < PLAN_END_AT;

function run(script: Script, ...calendars: Written[]): { bench: Bench; found: Finding[] } {
  const calendar = loadCalendars(
    calendars.map((one) => calendarSchema.parse(one)),
    '.',
  );
  const directory = loadRegistry([keyEntrySchema.parse({ id: 'kong:app', label: 'batch' })], '.');
  const bench = openBench({ calendar, directory, durable: true });
  const events = [...uses(script)].sort((a, b) => a.at - b.at);
  bench.feed(events.map((event, position) => ({ ...event, position })));
  return { bench, found: latest(bench.findings) };
}

const names = ({ found }: { found: Finding[] }): string[] => [
  ...new Set(found.map(({ detector }) => detector)),
];
const planned = (change: Partial<Written> = {}): Written => ({
  name: 'closing',
  kind: 'planned',
  events: [PLAN],
  ...change,
});
const maintenance = (change: Partial<Written> = {}): Written =>
  planned({ name: 'patching', kind: 'maintenance', ...change });

describe('a planned event', () => {
  const nightBatch: Script = {
    days: DAYS_OF_HOURS,
    rate: (at) => (isPlanned(at) ? 14 : byDay(at)),
  };
  const rise = (times: number): Script => ({ rate: (at) => (isPlanned(at) ? 2 * times : 2) });

  test('is an incident without a calendar', () => {
    assert.deepEqual(names(run(rise(8))), ['volume-spike']);
    assert.ok(names(run(nightBatch)).includes('off-hours'));
  });

  test('raises nothing up to its factor, nor does what comes after it', () => {
    assert.deepEqual(run(rise(8), planned()).found, []);
  });

  test('in hours in which the key is never used, too, as long as its last hour', () => {
    const found = run(nightBatch, planned({ factor: 1000 })).found;
    assert.deepEqual(found, []);
  });

  test('does not cover what is far more; the finding names it, and is judged again without the calendar', () => {
    const { bench, found } = run(rise(80), planned());
    const spike = found.find(({ detector }) => detector === 'volume-spike')!;
    assert.deepEqual(spike.expected['planned'], ['closing: month end']);
    const kept = new KeptState();
    kept.take(bench.engine.checkpoint());
    const inputs = kept.inputs.get(spike.id)!;
    assert.equal(inputs.context.windows?.length, 1);
    const context = JSON.parse(JSON.stringify(inputs.context)) as typeof inputs.context;
    const { identical, score } = openBench().engine.recompute({ ...inputs, context });
    assert.ok(identical, `${score} for ${inputs.score}`);
    const bare = openBench().engine.recompute({ ...inputs, context: {} });
    assert.equal(bare.identical, false, 'the windows are needed for it');
  });

  test('concerns only whom it names', () => {
    const others: NonNullable<Written['for']>[] = [
      { consumers: ['other'] },
      { labels: ['other'], keys: ['kong:other'] },
      { detectors: ['off-hours'] },
    ];
    for (const named of others) {
      assert.deepEqual(names(run(rise(8), planned({ for: named }))), ['volume-spike']);
    }
    const own = [{ consumers: ['acme'] }, { labels: ['batch'] }, { keys: ['kong:app'] }];
    for (const named of own) assert.deepEqual(run(rise(8), planned({ for: named })).found, []);
  });

  test('teaches little: the same hour a week later expects what it did', () => {
    const rateOf = ({ bench }: { bench: Bench }): number => {
      const { groups, judge } = bench.engine;
      const group = groups.find(({ ids }) => ids.includes('kong:app'))!;
      group.bring(judge, group.ids.indexOf('kong:app'));
      return judge.rate.meanOf(Math.floor((PLAN_AT + 7 * DAY_MS) / HOUR_MS) + 1);
    };
    const usual = rateOf(run({ rate: steady }));
    const after = rateOf(run(rise(8), planned()));
    assert.ok(after < 1.5 * usual, `${after} of usually ${usual}`);
  });
});

describe('a maintenance window', () => {
  const silence: Script = { rate: (at) => (isPlanned(at) ? 0 : 2) };
  const failing: Script = { rate: () => 2, status: (at) => (isPlanned(at) ? 503 : 200) };

  test('is an incident without a calendar', () => {
    assert.deepEqual(names(run(silence)), ['volume-drop']);
    assert.deepEqual(names(run(failing)), ['error-rate']);
  });

  test('excuses silence and failures, also when it is over', () => {
    assert.deepEqual(run(silence, maintenance()).found, []);
    assert.deepEqual(run(failing, maintenance()).found, []);
  });

  test('a silence that outlasts it is found when its own time has passed', () => {
    const longer: Script = {
      rate: (at) => (at >= PLAN_AT && at < PLAN_END_AT + 3 * HOUR_MS ? 0 : 2),
    };
    const [drop, ...more] = run(longer, maintenance()).found;
    assert.equal(drop?.detector, 'volume-drop');
    assert.equal(more.length, 0);
    const { bench } = run(longer, maintenance());
    const kept = new KeptState();
    kept.take(bench.engine.checkpoint());
    const inputs = kept.inputs.get(drop.id)!;
    assert.ok(inputs.at > PLAN_END_AT + 5 * MINUTE_MS, new Date(inputs.at).toISOString());
    assert.ok(openBench().engine.recompute(inputs).identical);
  });

  test('does not excuse a rise, unless it names it', () => {
    const rise: Script = { rate: (at) => (isPlanned(at) ? 60 : 2) };
    assert.deepEqual(names(run(rise, maintenance())), ['volume-spike']);
    const named = maintenance({ for: { detectors: ['volume-spike', 'volume-drop'] } });
    assert.deepEqual(run(rise, { ...named, factor: 50 }).found, []);
  });
});
