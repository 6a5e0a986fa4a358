/**
 * The census of readiness of a running instance: at most half a minute old, and counted a key group at a time, so
 * that neither a scrape nor the stream waits for a million keys.
 */
import type { Clock } from '../core/clock.ts';
import { type Census, takeCensus } from '../detectors/engine/census.ts';
import type { Coverage } from '../detectors/engine/contract.ts';
import type { DetectionEngine } from '../detectors/engine/engine.ts';

const RENEW_MS = 30_000;
/** A count of a million keys takes some ten seconds in all: it may cost a twentieth of the time. */
const REST = 20;
/** So many keys are counted at once the first time: some 20 ms. */
const AT_ONCE_MAX = 10_000;

export class ReadinessBoard {
  readonly #engine: DetectionEngine;
  readonly #coverage: Coverage;
  readonly #clock: Clock;
  #census: Census | undefined;
  #beganAt = Number.NEGATIVE_INFINITY;
  #tookMs = 0;
  #counting = false;

  constructor(engine: DetectionEngine, coverage: Coverage, clock: Clock) {
    this.#engine = engine;
    this.#coverage = coverage;
    this.#clock = clock;
  }

  /** The last census; asks for a new one where it is old. Undefined until many keys were counted for the first time. */
  latest(): Census | undefined {
    const now = this.#clock.now();
    if (!this.#counting && now - this.#beganAt >= Math.max(RENEW_MS, REST * this.#tookMs)) {
      this.#beganAt = now;
      this.#count();
    }
    return this.#census;
  }

  #count(): void {
    const steps = takeCensus(this.#engine, this.#coverage);
    const atOnce = this.#census === undefined && this.#engine.subjects <= AT_ONCE_MAX;
    const go = (): void => {
      do {
        const { done, value } = steps.next();
        if (done !== true) continue;
        this.#census = value;
        this.#counting = false;
        this.#tookMs = this.#clock.now() - this.#beganAt;
        return;
      } while (atOnce);
      setImmediate(go);
    };
    this.#counting = true;
    go();
  }
}
