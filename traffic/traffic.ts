/** The seeded traffic model: keys, what happens to them, and the merged stream of their requests. */
import { planAttacks } from './attack-plan.ts';
import { addAttack } from './attacks.ts';
import type {
  KeyLife,
  KeyProfile,
  Label,
  Span,
  Traffic,
  TrafficEvent,
  TrafficOptions,
} from './contract.ts';
import { createKeys } from './keys.ts';
import { planNovelty } from './novelty.ts';
import { STATE_WORDS, seedState } from './random.ts';
import { fillRequest } from './requests.ts';
import { DAY_MS, HOUR_MS, slowRate } from './rhythm.ts';
import { addScenario } from './scenarios.ts';
import { createSlice, fillSlice, numberOf, sortSlice, timeOf } from './slices.ts';

/** 2026-05-04T00:00:00Z, a Monday; no zone of the table changes its clocks in the four months after it. */
export const DEFAULT_FROM_AT = 1_777_852_800_000;

/** Throws RangeError when the options make no sense. */
export function createTraffic(options: TrafficOptions): Traffic {
  const fromAt = options.fromAt ?? DEFAULT_FROM_AT;
  const toAt = fromAt + options.days * DAY_MS;
  if (!(options.keys >= 1) || !(toAt > fromAt))
    throw new RangeError('keys and days must be positive');
  const keys = createKeys(options);
  const lives = keys.map((key): KeyLife => {
    if (options.novelty === false) return { shifts: [], bursts: [] };
    return planNovelty(key, options.seed, { fromAt, toAt });
  });
  for (const spec of options.scenarios ?? []) addScenario(spec, keys, lives, options.seed);
  const labels = attack(keys, lives, { ...options, fromAt });
  const model: Model = { seed: options.seed, keys, lives };
  const all = keys.map((key) => key.index);
  return {
    fromAt,
    toAt,
    keys,
    labels,
    shiftsOf: (index) => lives[index]!.shifts,
    events: (span = {}) => merge(model, all, { fromAt, toAt, ...span }),
    eventsOfKey: (index, span = {}) => merge(model, [index], { fromAt, toAt, ...span }),
    streamFrom: (at) => merge(model, all, { fromAt: at, toAt: Number.POSITIVE_INFINITY }),
    normalRateAt: (index, at) => slowRate(keys[index]!, lives[index]!.shifts, at) * 1000,
  };
}

interface Model {
  readonly seed: number;
  readonly keys: readonly KeyProfile[];
  readonly lives: readonly KeyLife[];
}

function attack(
  keys: readonly KeyProfile[],
  lives: readonly KeyLife[],
  options: TrafficOptions & { readonly fromAt: number },
): Label[] {
  const wanted = options.attacks ?? 0;
  const specs = typeof wanted === 'number' ? planAttacks(keys, options, wanted) : wanted;
  const inOrder = [...specs].sort((a, b) => a.fromAt - b.fromAt || a.keyIndex - b.keyIndex);
  return inOrder.map((spec, label) => {
    const key = keys[spec.keyIndex];
    if (key === undefined)
      throw new RangeError(`an attack names key ${spec.keyIndex} of ${keys.length}`);
    return addAttack(spec, { key, keys, life: lives[key.index]! }, label, options.seed);
  });
}

/** Hour by hour: all keys' times, sorted, and each request drawn from its key's own stream as it comes up. */
function* merge(
  model: Model,
  indices: readonly number[],
  span: Required<Span>,
): IterableIterator<TrafficEvent> {
  const { keys, lives, seed } = model;
  const slice = createSlice();
  const states = new Uint32Array(keys.length * STATE_WORDS);
  const event = firstEvent(keys[indices[0]!]!);
  for (let hourAt = floorToHour(span.fromAt); hourAt < span.toAt; hourAt += HOUR_MS) {
    slice.count = 0;
    for (const index of indices) {
      const life = lives[index]!;
      const before = slice.count;
      fillSlice(slice, keys[index]!, life.shifts, life.bursts, seed, hourAt);
      if (slice.count > before) {
        seedState(states, index * STATE_WORDS, seed, index, hourAt / HOUR_MS, 0x72657175);
      }
    }
    sortSlice(slice);
    for (let i = 0; i < slice.count; i++) {
      const number = numberOf(slice, i);
      const index = slice.keyOf[number]!;
      const source = slice.sourceOf[number]!;
      const life = lives[index]!;
      event.at = hourAt + timeOf(slice, i);
      const burst = source === 0 ? undefined : life.bursts[source - 1]!;
      const ordinal = slice.ordinalOf[number]!;
      fillRequest(event, keys[index]!, life.shifts, burst, ordinal, states, index * STATE_WORDS);
      if (event.at >= span.toAt) return;
      if (event.at >= span.fromAt) yield event;
    }
  }
}

function floorToHour(at: number): number {
  return Math.floor(at / HOUR_MS) * HOUR_MS;
}

function firstEvent(key: KeyProfile): TrafficEvent {
  return {
    at: 0,
    key,
    address: key.addresses[0]!,
    agent: key.agent,
    route: key.routes[0]!,
    resource: 0,
    status: 0,
    durationMs: 0,
    bytesIn: 0,
    bytesOut: 0,
    origin: '',
    request0: 0,
    request1: 0,
    label: -1,
  };
}
