/**
 * What hits many keys, or ourselves, is answered by nobody's throttle: after four weeks of learning, each scene starts
 * from the same state. DEFAULT_AUTOMATIC: every rung is switched on.
 */
import assert from 'node:assert/strict';
import { before, describe, it, type TestContext } from 'node:test';
import type { LoadedState } from '../../core/store.ts';
import type { Address, ScenarioSpec, Traffic, TrafficEvent } from '../../traffic/contract.ts';
import { CITIES, networkIn } from '../../traffic/places.ts';
import { createRandom } from '../../traffic/random.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { type Arrival, actedOn, alerts, Lab, type Outcome } from './response-lab.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SEED = 6200;
const KEYS = 60;
const LEARN_DAYS = 28;
/** Half of the keys ship through each of two sources. */
const SOURCES = 2;
const WATCH_MS = 3 * HOUR_MS;

function trafficWith(scenarios: readonly ScenarioSpec[] = []): Traffic {
  return createTraffic({
    seed: SEED,
    keys: KEYS,
    days: LEARN_DAYS + 1,
    rates: { min: 0.02, max: 0.05 },
    novelty: false,
    scenarios,
  });
}

/** Monday of the fifth week, ten o'clock. */
const AT = trafficWith().fromAt + LEARN_DAYS * DAY_MS + 10 * HOUR_MS;

let state: LoadedState;

before(() => {
  const traffic = trafficWith();
  const lab = new Lab(traffic, { sources: SOURCES });
  lab.feed(traffic.events(), AT);
  assert.deepEqual(actedOn(lab.outcome()), [], 'four innocent weeks');
  state = lab.snapshot();
});

function open(traffic: Traffic): Lab {
  return new Lab(traffic, { state, sources: SOURCES });
}

function events(traffic: Traffic): IterableIterator<TrafficEvent> {
  return traffic.events({ fromAt: AT, toAt: AT + WATCH_MS });
}

/** One after the other of three hours in which something happens. */
function lived(traffic: Traffic, requests = events(traffic), arrives?: Arrival): Outcome {
  const lab = open(traffic);
  lab.feed(requests, AT + WATCH_MS, arrives);
  return lab.outcome();
}

function isCalm(t: TestContext, outcome: Outcome, alertsMax: number): void {
  const acted = actedOn(outcome);
  for (const { rung, subject, evidence, why } of acted) {
    t.diagnostic(`${rung} ${subject.id} ${evidence?.risk} ${evidence?.families.join()}: ${why}`);
  }
  const told = alerts(outcome);
  for (const { severity, subject, openedAt, why } of told) {
    t.diagnostic(`${openedAt} ${severity} ${subject.kind} ${subject.id}: ${why}`);
  }
  assert.equal(acted.length, 0);
  assert.equal(outcome.goodRefused, 0);
  assert.ok(told.length <= alertsMax, `${told.length} alerts`);
}

describe('sixty keys of two gateways, with every rung switched on', () => {
  it('live three hours like any other: nothing', (t) => {
    isCalm(t, lived(trafficWith()), 0);
  });

  it('a launch, every key at five times its rate: no action, one alert', (t) => {
    const keys = Array.from({ length: KEYS }, (_, i) => i);
    isCalm(t, lived(trafficWith([{ kind: 'launch', fromAt: AT + HOUR_MS / 2, keys }])), 1);
  });

  it('a broken deploy fails every request for ten minutes: no action, one alert', (t) => {
    isCalm(t, lived(trafficWith([{ kind: 'deploy-outage', fromAt: AT + HOUR_MS / 2 }])), 1);
  });

  it('the largest customer fails over to another region: no action, at most one alert', (t) => {
    const traffic = trafficWith();
    isCalm(t, lived(traffic, failedOver(traffic, AT + HOUR_MS / 2)), 1);
  });

  it('nothing comes for an hour, then all at once: no action, no alert', (t) => {
    const from = AT + HOUR_MS / 2;
    const late: Arrival = ({ at }) => (at < from ? at : Math.max(at, from + HOUR_MS));
    isCalm(t, lived(trafficWith(), undefined, late), 0);
  });

  it('everything comes an hour late: no action, no alert', (t) => {
    isCalm(
      t,
      lived(trafficWith(), undefined, ({ at }) => at + HOUR_MS),
      0,
    );
  });

  it('one gateway stops shipping for an hour: no action, no alert', (t) => {
    const traffic = trafficWith();
    const from = AT + HOUR_MS / 2;
    const lab = open(traffic);
    const requests = events(traffic);
    const arrives: Arrival = ({ at, key }) =>
      key.index % SOURCES === 1 && at >= from && at < from + HOUR_MS ? undefined : at;
    lab.feed(requests, from + MINUTE_MS, arrives);
    lab.setSilent(1, true);
    lab.feed(requests, from + HOUR_MS, arrives);
    lab.setSilent(1, false);
    lab.feed(requests, AT + WATCH_MS, arrives);
    isCalm(t, lab.outcome(), 0);
  });

  it('we restart: what came meanwhile is caught up with: no action, no alert', (t) => {
    const traffic = trafficWith();
    const first = open(traffic);
    const requests = events(traffic);
    const downAt = AT + HOUR_MS;
    first.feed(requests, downAt);
    const second = new Lab(traffic, { state: first.snapshot(), sources: SOURCES });
    second.lane.desk.takeOver(first.lane.desk.open(), downAt + 5 * MINUTE_MS);
    second.feed(requests, AT + WATCH_MS, ({ at }) => Math.max(at, downAt + 5 * MINUTE_MS));
    isCalm(t, first.outcome(), 0);
    isCalm(t, second.outcome(), 0);
  });
});

/** From an instant on all keys of the consumer with most of them are used from a network in another city. */
function* failedOver(traffic: Traffic, from: number): IterableIterator<TrafficEvent> {
  const sizes = new Map<string, number>();
  for (const { consumer } of traffic.keys)
    sizes.set(consumer.id, (sizes.get(consumer.id) ?? 0) + 1);
  const [largest] = [...sizes].sort(([, a], [, b]) => b - a)[0]!;
  const homes = new Set(
    traffic.keys.filter(({ consumer }) => consumer.id === largest).map(({ home }) => home.country),
  );
  const city = CITIES.find(({ country }) => !homes.has(country))!;
  const { hosts } = networkIn(city, 4, 3, createRandom(SEED, 1));
  const addresses = hosts.map((text): Address => ({ text, city }));
  for (const request of traffic.events({ fromAt: AT, toAt: AT + WATCH_MS })) {
    if (request.at >= from && request.key.consumer.id === largest) {
      request.address = addresses[request.key.index % addresses.length]!;
    }
    yield request;
  }
}
