/**
 * Notices silence. It counts ticks of a timer and never compares clocks, so that a process that was frozen, or a
 * clock that was set, is not taken for a silent one.
 */
export class Watchdog {
  readonly #tickMs: number;
  readonly #limitMs: number;
  readonly #timer: NodeJS.Timeout;
  #ticks = 0;

  /** `onSilent` is called once, when nothing was heard for `limitMs`. */
  constructor(limitMs: number, onSilent: () => void, tickMs = 500) {
    this.#tickMs = tickMs;
    this.#limitMs = limitMs;
    this.#timer = setInterval(() => {
      this.#ticks += 1;
      if (this.silentMs < limitMs) return;
      this.close();
      onSilent();
    }, tickMs);
    this.#timer.unref();
  }

  heard(): void {
    this.#ticks = 0;
  }

  get silentMs(): number {
    return this.#ticks * this.#tickMs;
  }

  /** Half of the patience is gone. */
  get isWorrying(): boolean {
    return this.silentMs * 2 > this.#limitMs;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
