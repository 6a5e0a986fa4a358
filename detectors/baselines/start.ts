/** What a volume baseline knows of a key that nobody has seen: nothing, or what its peers are like. */
import { initDispersion, seedDispersion } from './dispersion.ts';
import { type RateState, SCALES, SPIKE_SCALES } from './rate-state.ts';

/** What the rate of others is worth, in events: some of it for ever. */
export const PRIOR_EVENTS = 1;

export interface RateStart {
  /** Requests per second. */
  readonly rate: number;
  /** What the rate is worth in events, 1 or more: what is beyond 1 fades with the weeks. */
  readonly worth: number;
  /** Dispersion A and B by scale; none where nothing is known. */
  readonly dispersion: readonly number[];
}

const STRANGER: RateStart = { rate: 0.1, worth: PRIOR_EVENTS, dispersion: [] };

export function startFrom(state: RateState, { rate, worth, dispersion } = STRANGER): void {
  state.priorSeconds = PRIOR_EVENTS / rate;
  state.baseEvents = worth - PRIOR_EVENTS;
  state.baseSeconds = state.baseEvents / rate;
  initDispersion(state, SPIKE_SCALES);
  for (let k = 0; 2 * k < dispersion.length; k++) {
    seedDispersion(state, k, dispersion, (2 * rate * SCALES[k]!) / Math.LN2);
  }
}
