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

/**
 * Tells that there is nothing more to read although offsets say so: what is left of the log may hold only what was
 * compacted away, which kafkajs cannot step over. Three fetches in a row from each broker that brought no batch.
 */
export class Quiet {
  readonly #fetches = new Map<number, number>();

  started(nodeId: number): void {
    if (!this.#fetches.has(nodeId)) this.#fetches.set(nodeId, 0);
  }

  ended(nodeId: number): void {
    this.#fetches.set(nodeId, (this.#fetches.get(nodeId) ?? 0) + 1);
  }

  /** A batch came, or fetching begins anew. */
  reset(): void {
    this.#fetches.clear();
  }

  get isQuiet(): boolean {
    return this.#fetches.size > 0 && [...this.#fetches.values()].every((count) => count >= 3);
  }
}
