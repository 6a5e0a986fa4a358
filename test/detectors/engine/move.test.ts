/** A move is told from a theft: by who goes on using the key. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiEvent } from '../../../core/event.ts';
import { type Bench, latest, learned, openBench } from '../bench.ts';
import { PROBES, script } from './probe.ts';

const DAY_MINUTES = 1440;
const OLD = 0x1111_0000;
const NEW = 0x2222_0000;
/** The key is used twice a minute, for nine days before anything happens. */
const BEGIN = 9 * DAY_MINUTES;

function uses(
  at: ReturnType<typeof script>,
  [from, to]: readonly [number, number],
  change: (minute: number) => Partial<ApiEvent>,
): ApiEvent[] {
  const events: ApiEvent[] = [];
  for (let minute = from; minute < to; minute += 0.5) events.push(at(minute, change(minute)));
  return events;
}

const NINE_DAYS = uses(script(), [0, BEGIN], () => ({ network: OLD }));
const LEARNED = learned(NINE_DAYS, { detectors: PROBES });

/** A key of nine days, then `after` for an hour. */
function lived(
  after: (minute: number) => Partial<ApiEvent>,
): Bench & { at: ReturnType<typeof script> } {
  const bench = openBench({ detectors: PROBES, state: LEARNED });
  const at = script('probe:1', 5, NINE_DAYS.length);
  bench.feed(uses(at, [BEGIN, BEGIN + 60], after));
  return { ...bench, at };
}

const moved = (method: string, bytesOut: number) => () => ({ network: NEW, method, bytesOut });

describe('an old network that falls quiet as the new one begins', () => {
  test('is a move: marked, said in words, and never above medium', () => {
    const bench = lived((minute) =>
      minute % 2 === 0 ? moved('place', 9)() : moved('errors', 12)(),
    );
    const [incident] = latest(bench.incidents);
    assert.equal(incident!.migration, true);
    assert.equal(incident!.severity, 'medium');
    assert.equal(incident!.risk, 7.9);
    assert.match(incident!.why, /It looks like a move: its former networks fell quiet/);
    const before = bench.incidents.find(({ risk }) => risk > 8);
    assert.equal(before?.migration, undefined, 'first it could be anything');
    assert.equal(bench.engine.judge.header.suspectSecond, 0, 'the new place may be learned');
  });

  test('is no move any more when the old network speaks again', () => {
    const bench = lived(moved('errors', 12));
    assert.equal(latest(bench.incidents)[0]!.migration, true);
    bench.feed(
      uses(bench.at, [BEGIN + 60, BEGIN + 75], (minute) =>
        minute % 1 === 0 ? { network: OLD } : moved('errors', 12)(),
      ),
    );
    const [incident] = latest(bench.incidents);
    assert.deepEqual([incident!.migration, incident!.risk], [undefined, 12]);
    assert.doesNotMatch(incident!.why, /a move/);
  });

  test('is no move while the owner goes on: a theft', () => {
    const bench = lived((minute) => (minute % 1 === 0 ? { network: OLD } : moved('errors', 9)()));
    assert.equal(
      bench.incidents.some(({ migration }) => migration),
      false,
    );
    assert.equal(latest(bench.incidents)[0]!.severity, 'high');
  });

  test('is no move when the new network makes many times as much', () => {
    const bench = openBench({ detectors: PROBES });
    const at = script();
    bench.feed(uses(at, [0, BEGIN], () => ({ network: OLD })));
    for (let i = 0; i < 6000; i++) bench.feed([at(BEGIN + i / 100, moved('errors', 9)())]);
    assert.equal(
      bench.incidents.some(({ migration }) => migration),
      false,
    );
  });

  test('is no mere move with something strong beside it that the network does not explain', () => {
    const bench = lived((minute) =>
      minute % 2 === 0 ? moved('place', 6)() : moved('volume', 9)(),
    );
    assert.equal(
      bench.incidents.some(({ migration }) => migration),
      false,
    );
  });
});

describe('a network is new', () => {
  const origin = (bench: Bench, event: ApiEvent): number =>
    bench.engine.judge.networks.originOf(event);

  test('until it was in use for a day; then it is known, and it is not forgotten for another', () => {
    const bench = openBench({ detectors: PROBES });
    const at = script();
    bench.feed(uses(at, [0, BEGIN], () => ({ network: OLD })));
    assert.equal(origin(bench, at(BEGIN, { network: OLD })), 0);
    assert.notEqual(origin(bench, at(BEGIN, { network: NEW })), 0);
    const both = (minute: number) => ({ network: minute % 1 === 0 ? OLD : NEW });
    bench.feed(uses(at, [BEGIN, BEGIN + DAY_MINUTES - 60], both));
    assert.notEqual(origin(bench, at(BEGIN, { network: NEW })), 0);
    bench.feed(uses(at, [BEGIN + DAY_MINUTES - 60, BEGIN + DAY_MINUTES + 60], both));
    assert.equal(origin(bench, at(BEGIN, { network: NEW })), 0);
    assert.equal(origin(bench, at(BEGIN, { network: OLD })), 0);
  });

  test('is not learned while it is under suspicion', () => {
    const bench = openBench({ detectors: PROBES });
    const at = script();
    bench.feed(uses(at, [0, BEGIN], () => ({ network: OLD })));
    bench.feed(
      uses(at, [BEGIN, BEGIN + 2 * DAY_MINUTES], (minute) =>
        minute % 1 === 0 ? { network: OLD } : moved('errors', 9)(),
      ),
    );
    assert.notEqual(origin(bench, at(BEGIN, { network: NEW })), 0);
  });
});
