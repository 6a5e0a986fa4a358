/** Calls of an API are spread: so many a second, a few of them at once. Whoever comes too early waits. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface PaceOptions {
  readonly perSecond: number;
  /** Calls that may be made at once after a while without any. */
  readonly burst: number;
  /** Monotonic, ms. */
  now(): number;
}

export class Pace {
  readonly #options: PaceOptions;
  /** When the next call may be made at the earliest, were there no burst. */
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  async turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const waitMs = this.take();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }

  /** Books a call; answers in how many ms it may be made. */
  take(): number {
    const { perSecond, burst, now } = this.#options;
    const stepMs = 1000 / perSecond;
    const at = now();
    const due = Math.max(this.#nextAt, at - (burst - 1) * stepMs);
    this.#nextAt = due + stepMs;
    return Math.max(0, due - at);
  }
}
