/** How far a detector may be trusted with a key, and why not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiEvent } from '../../../core/event.ts';
import { censusOf } from '../../../detectors/engine/census.ts';
import type { Coverage, SourceHealth } from '../../../detectors/engine/contract.ts';
import { keyStateOf } from '../../../detectors/engine/key-states.ts';
import { type Bench, openBench } from '../bench.ts';
import { script } from './probe.ts';

const DAY_MINUTES = 24 * 60;
const HOME = {
  country: 'DE',
  region: 'BE',
  city: 'Berlin',
  latitude: 52.5,
  longitude: 13.4,
  radiusKm: 20,
  timeZone: 'Europe/Berlin',
  asn: 0,
  countryCode: 83,
  regionCode: 7,
  kind: 'public',
} as const;
/** Everything that a detector may need. */
const WHOLE: Partial<ApiEvent> = {
  place: HOME,
  network: 9,
  status: 200,
  durationMs: 5,
  bytesOut: 100,
  route: { template: '/v1/orders', code: 11 },
  client: { name: 'curl', code: 12 },
};
const ID = 'probe:1';

/** A key that is used every ten minutes, from day `from` to day `to`. */
function use(bench: Bench, days: readonly [number, number], change: Partial<ApiEvent>): void {
  const [from, to] = days.map((day) => day * DAY_MINUTES) as [number, number];
  const event = script();
  for (let minute = from; minute < to; minute += 10) {
    bench.feed([{ ...event(minute, { ...WHOLE, ...change }), position: minute }]);
  }
}

function readiness(bench: Bench, detector: string, coverage: Coverage = {}) {
  const { state, why } = keyStateOf(bench.engine, ID, coverage)!.readiness[detector]!;
  return why === undefined ? state : `${state}: ${why}`;
}

function aged(change: Partial<ApiEvent> = {}): Bench {
  const bench = openBench();
  use(bench, [0, 10], change);
  return bench;
}

describe('what the key itself shows', () => {
  test('learning until a date, then ready', () => {
    const bench = openBench();
    use(bench, [0, 1], {});
    const { state, since, until } = keyStateOf(bench.engine, ID)!.readiness['volume-spike']!;
    assert.deepEqual(
      [state, since, until],
      ['learning', '2026-03-02T00:00:00.000Z', '2026-03-04T00:00:00.000Z'],
    );
    use(bench, [1, 3], {});
    assert.equal(readiness(bench, 'volume-spike'), 'ready');
  });

  test('where requests count, until when and since when are told by the pace', () => {
    const bench = openBench();
    const told = () => keyStateOf(bench.engine, ID)!.readiness['new-place']!;
    use(bench, [0, 1], {});
    assert.equal(told().state, 'learning');
    assert.equal(told().until!.slice(0, 10), '2026-03-05');
    use(bench, [1, 5], {});
    assert.equal(told().state, 'ready');
    assert.equal(told().since.slice(0, 10), '2026-03-05');

    const slow = openBench();
    slow.feed([script()(0, WHOLE)]);
    const unpaced = keyStateOf(slow.engine, ID)!.readiness['new-place']!;
    assert.deepEqual([unpaced.state, unpaced.until!.slice(0, 10)], ['learning', '2026-03-09']);
  });

  test('what no record carries, nobody watches', () => {
    for (const [detector, change, why] of [
      ['latency', { durationMs: -1 }, 'no duration in its records'],
      ['transfer', { bytesOut: -1 }, 'no bytes in its records'],
      ['error-rate', { status: 0 }, 'no status in its records'],
      ['spread', { network: 0 }, 'no client address in its records'],
      ['new-place', { place: { ...HOME, countryCode: 0 } }, 'no client address that can be placed'],
      ['client', { client: { name: 'unknown', code: 0 } }, 'no user agent in its records'],
      ['endpoint', { route: { template: '', code: 0 } }, 'no path in its records'],
    ] as const) {
      assert.equal(readiness(aged(change), detector), `unprotected: ${why}`);
      assert.equal(readiness(aged(change), 'volume-spike'), 'ready', `${detector} alone`);
    }
    assert.equal(readiness(aged(), 'latency'), 'ready');
  });

  test('a few requests without it prove nothing; two days of use without it do', () => {
    const few = openBench();
    use(few, [0, 0.1], { durationMs: -1 });
    assert.equal(readiness(few, 'latency'), 'learning');
    const changed = aged();
    use(changed, [10, 11], { durationMs: -1 });
    assert.equal(readiness(changed, 'latency'), 'ready');
    use(changed, [11, 13], { durationMs: -1 });
    assert.equal(readiness(changed, 'latency'), 'unprotected: no duration in its records');
  });

  test('switched off, or nothing declared', () => {
    const bench = openBench({ settings: { latency: { enabled: false } } });
    use(bench, [0, 10], {});
    assert.equal(readiness(bench, 'latency'), 'unprotected: switched off');
    assert.equal(readiness(bench, 'scope'), 'unprotected: no scope in the registry');
    assert.equal(readiness(bench, 'rotation'), 'unprotected: no dates in the registry');
  });
});

describe('what is known beside the key', () => {
  const bench = aged();
  const DAY_MS = 86_400_000;
  const lastAt = Date.parse(keyStateOf(bench.engine, ID)!.lastAt);

  test('geography data of 180 days degrades travel, of 365 days all places', () => {
    const built = (days: number): Coverage => ({ geographyBuiltAt: lastAt - days * DAY_MS });
    const stale = (days: number) => `degraded: geography data ${days} days old`;
    assert.equal(readiness(bench, 'impossible-travel', built(179)), 'ready');
    assert.equal(readiness(bench, 'impossible-travel', built(180)), stale(180));
    assert.equal(readiness(bench, 'new-place', built(364)), 'ready');
    assert.equal(readiness(bench, 'new-place', built(365)), stale(365));
    assert.equal(readiness(bench, 'volume-spike', built(900)), 'ready');
  });

  test('a source that is silent, was, has a wrong clock, comes late or proves no key', () => {
    const good: SourceHealth = {
      sinceAt: lastAt,
      records: 1000,
      future: 0,
      late: 0,
      keyless: 0,
      aheadMs: 0,
    };
    const told = (change: Partial<SourceHealth>) =>
      readiness(bench, 'volume-spike', {
        healthOf: (name) => (name === 'bench' ? { ...good, ...change } : undefined),
      });
    assert.equal(told({}), 'ready');
    assert.equal(told({ silentSinceAt: lastAt }), 'degraded: its source is silent');
    const gap = { fromAt: lastAt - 3_600_000, toAt: lastAt - 1000 };
    assert.equal(told({ gap }), 'degraded: its source was silent for 60 minutes');
    assert.equal(told({ gap: { fromAt: 0, toAt: lastAt - DAY_MS } }), 'ready');
    const skew = 'degraded: clock skew: ';
    assert.equal(told({ aheadMs: 90_000 }), `${skew}its source is 90 s ahead`);
    assert.equal(told({ future: 20 }), `${skew}2 % of its source's records are of the future`);
    assert.equal(told({ late: 60 }), "degraded: 6 % of its source's records come too late");
    assert.equal(told({ lost: 50 }), "degraded: 5 % of its source's records are lost on the way");
    assert.equal(told({ keyless: 700 }), "degraded: 70 % of its source's records prove no key");
    assert.equal(told({ late: 50, future: 10, keyless: 500, lost: 10, aheadMs: 60_000 }), 'ready');
    assert.equal(told({ records: 20, late: 19 }), 'ready', 'of so few no share is told');
  });
});

test('the census counts every detector of every key once', () => {
  const bench = openBench();
  use(bench, [0, 3], {});
  const other = script('probe:2', 77);
  bench.feed([{ ...other(3 * DAY_MINUTES), position: 1e6 }]);
  const { total, detectors } = censusOf(bench.engine, {});
  assert.deepEqual(detectors['volume-spike'], {
    ready: 1,
    learning: 1,
    degraded: 0,
    unprotected: 0,
  });
  assert.equal(detectors['scope']!.unprotected, 2);
  const seats = bench.engine.judge.seats.length;
  assert.equal(total.ready + total.learning + total.degraded + total.unprotected, 2 * seats);
});

test('what detectors have learned of a key is told with it', () => {
  const { learned } = keyStateOf(aged().engine, ID)!;
  assert.deepEqual(learned!['spread'], { networksAnHour: 1.004, sharing: 0 });
  assert.equal(learned!['latency']!['milliseconds'], 5);
});
