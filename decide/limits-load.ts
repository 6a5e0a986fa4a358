/**
 * Limits that fall while the servers behind are loaded, so that all keys get less instead of some nothing. Off by
 * default. It falls in steps of a fifth while the load stays high, rises again while it stays low, and does neither
 * in between, so that it does not swing. No key falls below its own p99: normal use always passes.
 */
import type { RateLimit } from '../core/ladder.ts';
import { HOUR_MS } from './limits-learned.ts';

const STEP = 0.8;
/** Rising waits longer than falling: load comes back the moment that limits rise. */
const RISE_HOLDS = 3;
/** Of the requests of an hour, as many times their even part may come in a shorter window. */
const BURST = 4;

export interface ShedSettings {
  /** Load from which limits fall, and below which they rise; 1 is all that the servers can. */
  readonly highLoad: number;
  readonly lowLoad: number;
  /** How long the load has to stay so for a step, ms. */
  readonly holdMs: number;
  /** Least factor. */
  readonly factorMin: number;
}

export interface ShedState {
  /** Limits are multiplied by it: 1 down to `factorMin`. */
  readonly factor: number;
  readonly side: 'high' | 'low' | 'between';
  /** When the load came to that side, or the last step was made, epoch ms. */
  readonly sinceAt: number;
}

export const NO_SHED: ShedState = Object.freeze({ factor: 1, side: 'low', sinceAt: 0 });

/** `load` undefined: nobody said it lately, which counts as low. */
export function nextShed(
  state: ShedState,
  load: number | undefined,
  now: number,
  settings: ShedSettings,
): ShedState {
  const { highLoad, lowLoad, holdMs, factorMin } = settings;
  const isHigh = load !== undefined && load >= highLoad;
  const isLow = load === undefined || load < lowLoad;
  const side = isHigh ? 'high' : isLow ? 'low' : 'between';
  if (side !== state.side) return { factor: state.factor, side, sinceAt: now };
  const heldMs = now - state.sinceAt;
  if (side === 'high' && heldMs >= holdMs && state.factor > factorMin) {
    return { factor: Math.max(factorMin, state.factor * STEP), side, sinceAt: now };
  }
  if (side === 'low' && heldMs >= holdMs * RISE_HOLDS && state.factor < 1) {
    const factor = state.factor / STEP;
    return { factor: factor > 0.999 ? 1 : factor, side, sinceAt: now };
  }
  return state;
}

/** `hourP99` undefined: the key has no history that says what its normal use is. */
export function shed(limit: RateLimit, factor: number, hourP99: number | undefined): RateLimit {
  if (factor >= 1) return limit;
  const { requests, windowMs } = limit;
  const part = Math.min(1, (BURST * windowMs) / HOUR_MS) * Math.max(1, windowMs / HOUR_MS);
  const floor = hourP99 === undefined ? 1 : Math.ceil(hourP99 * part);
  return {
    requests: Math.min(requests, Math.max(1, floor, Math.floor(requests * factor))),
    windowMs,
  };
}
