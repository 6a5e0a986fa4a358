/** The load of the servers behind, as monitoring tells it, and the factor by which limits fall for it. */
import type { Clock } from '../core/clock.ts';
import type { DecideConfig } from '../core/config-response.ts';
import { NO_SHED, nextShed, type ShedState } from './limits-load.ts';

/** A load that is not told again counts no more. */
const TOLD_MS = 60_000;

export class Load {
  readonly #settings: DecideConfig['shed'];
  readonly #clock: Clock;
  #told: { readonly load: number; readonly at: number } | undefined;
  #state: ShedState = NO_SHED;

  constructor(settings: DecideConfig['shed'], clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  get factor(): number {
    return this.#state.factor;
  }

  tell(load: number): void {
    this.#told = { load, at: this.#clock.now() };
  }

  /** To be called every second or so; true when the factor has changed. */
  look(): boolean {
    if (!this.#settings.enabled) return false;
    const now = this.#clock.now();
    const told = this.#told;
    const load = told !== undefined && now - told.at < TOLD_MS ? told.load : undefined;
    const before = this.#state.factor;
    this.#state = nextShed(this.#state, load, now, this.#settings);
    return this.#state.factor !== before;
  }
}
