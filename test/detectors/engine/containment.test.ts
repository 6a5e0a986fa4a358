/** Whether an action is in effect is told from the key's stream, in event time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WatchRequest, WatchVerdict } from '../../../core/control.ts';
import { type ApiEvent, UNKNOWN_PLACE } from '../../../core/event.ts';
import type { KeyProfile } from '../../../core/key-profile.ts';
import { LIMITED_BY } from '../../../core/record.ts';
import type { ControlRecord } from '../../../core/store.ts';
import { type Bench, openBench } from '../bench.ts';
import { KeptState } from '../kept-state.ts';
import { MINUTE_MS, PROBES, script } from './probe.ts';
import { minute } from './said.ts';

const BOUND_MS = MINUTE_MS / 2;
const REFUSED = { status: 403 };
const THROTTLED = { status: 429, limitedBy: LIMITED_BY.keyhound };
const TOKYO = { ...UNKNOWN_PLACE, country: 'JP', city: 'Tokyo', countryCode: 250 };
const PROFILE: KeyProfile = {
  countries: ['DE'],
  networkCodes: [],
  systemCodes: [],
  routeFilter: [],
  asOfAt: '2026-03-01T00:00:00.000Z',
};
let sequence = 0;

function action(change: Partial<WatchRequest> = {}): ControlRecord {
  const request: WatchRequest = {
    action: 'act_1',
    key: 'probe:1',
    gateway: 'probe',
    rung: 'suspend',
    kind: 'applied',
    at: minute(10),
    boundMs: BOUND_MS,
    ...change,
  };
  return { sequence: ++sequence, at: request.at, kind: 'action', body: { ...request } };
}

interface Watched extends Bench {
  readonly verdicts: WatchVerdict[];
  readonly at: ReturnType<typeof script>;
}

function open(state?: ReturnType<KeptState['load']>, verdicts: WatchVerdict[] = []): Watched {
  const options = { detectors: PROBES, durable: true, state };
  const bench = openBench({ ...options, onVerdict: (verdict) => verdicts.push(verdict) });
  return { ...bench, verdicts, at: script() };
}

/** Used once a minute for ten minutes, then acted upon. */
function acted(change: Partial<WatchRequest> = {}): Watched {
  const bench = open();
  for (let i = 0; i < 10; i++) bench.feed([bench.at(i)]);
  bench.engine.control(action(change));
  return bench;
}

/** A use of another key. */
const other = (minutes: number, position: number, change: Partial<ApiEvent> = {}) =>
  script('probe:2', 9)(minutes, { ...change, position });

const outcomes = ({ verdicts }: Watched) => verdicts.map(({ outcome }) => outcome);

describe('a suspended key', () => {
  test('is contained at its first refused request past the bound, with its last accepted one', () => {
    const bench = acted();
    bench.feed([bench.at(10.2), bench.at(10.3, REFUSED)]);
    assert.deepEqual(outcomes(bench), [], 'within the bound nothing is proven');
    bench.feed([bench.at(10.6, REFUSED), bench.at(10.7, REFUSED)]);
    assert.deepEqual(bench.verdicts, [
      {
        action: 'act_1',
        key: 'probe:1',
        gateway: 'probe',
        kind: 'applied',
        outcome: 'contained',
        at: minute(10.6),
        lastAcceptedAt: minute(10.2),
        wrong: 0,
        uses: [],
      },
    ]);
  });

  test('without a request has no traffic, a minute of event time after the bound', () => {
    const bench = acted();
    bench.feed([other(11.4, 90), other(20, 91)]);
    const [told, more] = bench.verdicts;
    assert.deepEqual([told?.outcome, told?.at, more], ['no-traffic', minute(11.5), undefined]);
    assert.equal(told!.lastAcceptedAt, minute(9), 'what was there before the action');
  });

  test('that is still accepted is NOT contained: told at once, with what gets through', () => {
    const bench = acted();
    bench.feed([bench.at(10.6, REFUSED), bench.at(11, { place: TOKYO })]);
    assert.deepEqual(outcomes(bench), ['contained', 'not-contained']);
    assert.deepEqual(bench.verdicts[1]!.uses, [
      { route: 'GET (no route)', place: 'JP Tokyo', client: 'unknown', events: 1 },
    ]);
    for (let i = 0; i < 12; i++) bench.feed([bench.at(11.1 + i / 100)]);
    assert.deepEqual(
      bench.verdicts.map(({ wrong }) => wrong),
      [0, 1, 10],
      'told again when it is ten times as much',
    );
  });

  test('that was let through for a while is contained a quiet minute after', () => {
    const bench = acted();
    bench.feed([bench.at(10.6), bench.at(11, REFUSED), bench.at(11.5, REFUSED)]);
    assert.deepEqual(outcomes(bench), ['not-contained']);
    bench.feed([bench.at(12, REFUSED)]);
    assert.deepEqual(outcomes(bench), ['not-contained', 'contained']);
    assert.equal(bench.verdicts[1]!.at, minute(11.6));
  });

  test('accuses nobody by what it was refused, nor learns from it', () => {
    const bench = acted();
    const before = bench.engine.key('probe:1')!.events;
    const failing = { ...REFUSED, method: 'errors', bytesOut: 9 };
    bench.feed([bench.at(10.1, failing), bench.at(11, { ...failing, attested: false })]);
    bench.feed([bench.at(11.1, { ...failing, status: 401, attested: false })]);
    assert.equal(bench.incidents.length, 0);
    assert.equal(bench.engine.key('probe:1')!.events, before);
    bench.feed([other(12, 90, failing)]);
    assert.equal(bench.incidents.length, 1, 'others are judged as ever');
  });
});

describe('a throttled key', () => {
  const limit = { requests: 10, windowMs: MINUTE_MS };
  const burst = (bench: Watched, from: number, n: number, change: Partial<ApiEvent> = {}) =>
    bench.feed(Array.from({ length: n }, (_, i) => bench.at(from + i / 1000, change)));

  test('is contained when a request was refused, or a window stayed below', () => {
    const refused = acted({ rung: 'throttle-hard', limit });
    burst(refused, 10.6, 12);
    assert.deepEqual(outcomes(refused), []);
    refused.feed([refused.at(10.7, THROTTLED)]);
    assert.deepEqual(outcomes(refused), ['contained']);
    const calm = acted({ rung: 'throttle-soft', limit });
    burst(calm, 10.6, 12);
    calm.feed([calm.at(12)]);
    assert.deepEqual(outcomes(calm), ['contained']);
  });

  test('that makes more than a bucket lets pass is NOT contained', () => {
    const bench = acted({ rung: 'throttle-hard', limit });
    burst(bench, 10.6, 23);
    assert.deepEqual(outcomes(bench), []);
    burst(bench, 10.7, 1);
    assert.deepEqual(outcomes(bench), ['not-contained']);
  });

  test('is not said to be contained by what it is forbidden anyway', () => {
    const bench = acted({ rung: 'throttle-hard', limit });
    bench.feed([bench.at(10.6, REFUSED)]);
    assert.deepEqual(outcomes(bench), []);
  });
});

describe('a contained key', () => {
  const known = { place: { ...UNKNOWN_PLACE, country: 'DE', countryCode: 84 } };
  const contain = { rung: 'contain', profile: PROFILE } as const;

  test('goes on where it is known, and is contained when only that is left', () => {
    const bench = acted(contain);
    bench.feed([bench.at(10.6, known), bench.at(11, known), bench.at(11.6, known)]);
    assert.deepEqual(outcomes(bench), ['contained']);
  });

  test('is NOT when something else is accepted', () => {
    const bench = acted(contain);
    bench.feed([bench.at(10.6, known), bench.at(11, { place: TOKYO })]);
    assert.deepEqual(outcomes(bench), ['not-contained']);
  });

  test('has failures of its own: known use that is forbidden is no proof, and is judged', () => {
    const bench = acted(contain);
    bench.feed([bench.at(10.6, { ...known, ...REFUSED, method: 'errors', bytesOut: 9 })]);
    assert.deepEqual(outcomes(bench), []);
    assert.equal(bench.incidents.length, 1);
  });
});

describe('an undo', () => {
  const undo = (bench: Watched) =>
    bench.engine.control(action({ kind: 'undone', at: minute(20), boundMs: BOUND_MS }));

  test('is restored at the first accepted request, and watched no more', () => {
    const bench = acted();
    bench.feed([bench.at(11, REFUSED)]);
    undo(bench);
    bench.feed([bench.at(20.2, REFUSED), bench.at(20.6), bench.at(20.7, REFUSED)]);
    assert.deepEqual(outcomes(bench), ['contained', 'restored']);
    assert.equal(bench.engine.containment.isWatching, false);
  });

  test('of a key that is still refused is not', () => {
    const bench = acted();
    undo(bench);
    bench.feed([bench.at(20.6, REFUSED), bench.at(22, REFUSED)]);
    assert.deepEqual(outcomes(bench), ['not-restored']);
    assert.equal(bench.verdicts[0]!.wrong, 1);
  });

  test('says nothing while another action has taken its place at the gateway', () => {
    const bench = acted();
    bench.engine.control(action({ action: 'act_2', rung: 'revoke', at: minute(20) }));
    undo(bench);
    bench.feed([bench.at(20.6, REFUSED), bench.at(22, REFUSED), bench.at(23)]);
    assert.deepEqual(
      bench.verdicts.map(({ action: id, outcome }) => [id, outcome]),
      [
        ['act_2', 'contained'],
        ['act_2', 'not-contained'],
      ],
    );
  });

  test('of a key that nobody uses shows in no traffic', () => {
    const bench = acted();
    undo(bench);
    bench.feed([other(30, 90)]);
    assert.deepEqual(outcomes(bench), ['no-traffic']);
  });
});

describe('what is watched', () => {
  test('survives a restart at any event, with the same verdicts', () => {
    const at = script();
    const events = [10.6, 10.8, 11, 11.4, 12.5, 13].map((when, i) =>
      at(when, i === 1 || i === 2 ? {} : REFUSED),
    );
    const start = (verdicts: WatchVerdict[]) => {
      const bench = open(undefined, verdicts);
      bench.engine.control(action());
      return bench;
    };
    const whole = start([]);
    whole.feed(events);
    assert.deepEqual(outcomes(whole), ['contained', 'not-contained', 'contained']);
    for (let cut = 0; cut <= events.length; cut++) {
      const first = start([]);
      first.feed(events.slice(0, cut));
      const kept = new KeptState();
      kept.take(first.engine.checkpoint());
      const second = open(kept.load(), first.verdicts);
      second.feed(events.slice(cut));
      assert.deepEqual(second.verdicts, whole.verdicts, `cut at ${cut}`);
    }
  });

  test('is the newest action of a key at a gateway; the same one again changes nothing', () => {
    const bench = acted();
    bench.feed([bench.at(10.6, REFUSED)]);
    bench.engine.control(action());
    bench.feed([bench.at(10.7, REFUSED)]);
    assert.deepEqual(outcomes(bench), ['contained']);
    bench.engine.control(action({ action: 'act_2', rung: 'revoke', at: minute(11) }));
    bench.engine.control(action({ action: 'act_3', gateway: 'other', at: minute(11) }));
    bench.feed([bench.at(12, REFUSED)]);
    assert.deepEqual(
      bench.verdicts.slice(1).map(({ action: id }) => id),
      ['act_2', 'act_3'],
    );
  });

  test('is of the engine that has the key', () => {
    const bench = openBench({ detectors: PROBES, shard: { index: 1, count: 2 } });
    bench.engine.control(action({ group: 4 }));
    assert.equal(bench.engine.containment.isWatching, false);
    bench.engine.control(action({ group: 5 }));
    assert.equal(bench.engine.containment.isWatching, true);
  });
});
