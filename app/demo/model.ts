/** Keys and traffic of the demo: a history, and what goes on from its end without end. */
import type { AttackSpec, TrafficEvent, TrafficOptions } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import type { DemoOptions } from '../contract.ts';
import { type DemoPlan, planDemo } from './plan.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SEED = 1;
const KEYS = 200;
const DAYS = 28;
/** Mean rates, requests per second: slow enough that four weeks pass in half a minute. */
const RATES = { min: 0.0005, max: 0.01 } as const;
/** The first keys are steady ones whose silence is noticed within minutes. */
const BUSY = { keys: 3, rate: 0.025 } as const;
/** What the history is expected to take, events per second on a busy machine: tells when live begins. */
const EVENTS_PER_SECOND = 60_000;

export interface DemoModel {
  readonly options: TrafficOptions;
  readonly days: number;
  /** End of the history, epoch ms. */
  readonly endAt: number;
  readonly plan: DemoPlan;
}

/** `now` ends the history, epoch ms. */
export function modelOf(
  { seed = SEED, keys = KEYS, days = DAYS }: Pick<DemoOptions, 'seed' | 'keys' | 'days'>,
  now: number,
): DemoModel {
  const fromAt = Math.floor(now / HOUR_MS) * HOUR_MS - days * DAY_MS;
  const busy = Array.from({ length: Math.min(BUSY.keys, keys) }, (_, i) => [
    i,
    { class: 'steady', rate: BUSY.rate } as const,
  ]);
  const options: TrafficOptions = {
    seed,
    keys,
    // The hour under way belongs to the history up to now.
    days: (now - fromAt) / DAY_MS,
    fromAt,
    rates: RATES,
    overrides: Object.fromEntries(busy),
  };
  const traffic = createTraffic(options);
  const rate = traffic.keys.reduce((sum, key) => sum + key.rate, 0);
  const historyMs = (rate * days * DAY_MS) / EVENTS_PER_SECOND;
  const plan = planDemo({ seed, traffic, liveAt: now + historyMs });
  return { options, days, endAt: now, plan };
}

/** From the end of the history on, without end: hour by hour, each with the attacks that touch it. */
export function* liveEvents(model: DemoModel, liveAt: number): IterableIterator<TrafficEvent> {
  const { past, live: attacksFrom } = model.plan;
  const coming = attacksFrom(liveAt);
  let known: AttackSpec[] = [...past];
  for (let fromAt = model.endAt; ; ) {
    const toAt = Math.floor(fromAt / HOUR_MS) * HOUR_MS + HOUR_MS;
    while ((known.at(-1)?.fromAt ?? 0) < toAt || known.length === past.length) {
      known.push(coming.next().value as AttackSpec);
    }
    known = known.filter((attack) => attack.fromAt >= fromAt - DAY_MS);
    yield* createTraffic({ ...model.options, attacks: known }).events({ fromAt, toAt });
    fromAt = toAt;
  }
}
