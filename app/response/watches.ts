/**
 * Has detection watch what was done, for without it nothing says whether an action holds. What it cannot be told now
 * is told later, each with pauses of its own: one that is refused again and again holds up no other.
 */
import type { Action } from '../../core/action.ts';
import type { Clock } from '../../core/clock.ts';
import type { WatchRequest } from '../../core/control.ts';
import { backoffMs } from '../../responders/actions/backoff.ts';
import type { Logger } from '../contract.ts';
import { watchOf } from './watching.ts';

/** Pauses between two tries of one. */
const AGAIN = { baseMs: 1000, maxMs: 60_000 };
/** Actions that wait; the oldest gives way, and is told of at the next start. */
const WAITING_MAX = 100_000;

export interface WatchesOptions {
  /** Asking for the same again changes nothing. */
  watch(request: WatchRequest): Promise<void>;
  /** After which a change holds at every node of the gateway. */
  settleMsOf(gateway: string): number;
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  random(): number;
  readonly logger: Logger;
}

interface Waiting {
  readonly action: Action;
  readonly failures: number;
  /** Epoch ms. */
  readonly dueAt: number;
}

export class Watches {
  readonly #options: WatchesOptions;
  readonly #waiting = new Map<string, Waiting>();
  #isBusy = false;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Actions that detection could not be told of yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Each revision of an action. Never rejects. */
  async note(action: Action): Promise<void> {
    await this.#try(action);
  }

  /** Once a second. Whoever refused one that was due will refuse the next: those wait for the next call. */
  async again(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const now = this.#options.clock.now();
    const inOrder = [...this.#waiting.values()].sort((a, b) => a.dueAt - b.dueAt);
    let isTaken = false;
    for (const { action, dueAt } of inOrder) {
      // Once detection takes one it takes the others, too.
      if (dueAt > now && !isTaken) break;
      isTaken = await this.#try(action);
      if (!isTaken) break;
    }
    this.#isBusy = false;
  }

  async #try(action: Action): Promise<boolean> {
    const { settleMsOf, watch } = this.#options;
    const request = watchOf(action, settleMsOf(action.gateway));
    try {
      if (request !== undefined) await watch(request);
    } catch (error) {
      this.#putOff(action, error);
      return false;
    }
    // A later one of the same action may have come meanwhile.
    const left = this.#waiting.get(action.id);
    if (left !== undefined && left.action.revision <= action.revision)
      this.#waiting.delete(action.id);
    return true;
  }

  #putOff(action: Action, error: unknown): void {
    const { clock, logger, random } = this.#options;
    const known = this.#waiting.get(action.id);
    if (known === undefined) {
      const note = 'an action is not watched yet; it is tried again';
      logger.warn({ err: error, action: action.id }, note);
    }
    const failures = (known?.failures ?? 0) + 1;
    const latest = known === undefined || known.action.revision < action.revision;
    this.#waiting.set(action.id, {
      action: latest ? action : known.action,
      failures,
      dueAt: clock.now() + backoffMs(AGAIN, failures, random),
    });
    if (this.#waiting.size > WAITING_MAX) this.#waiting.delete(this.#waiting.keys().next().value!);
  }
}
