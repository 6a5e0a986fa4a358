/** Waits for what another process or server does, where nothing tells when it has. */
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** A machine that is very busy gets there; what never comes ends the test. */
const PATIENCE_MS = 180_000;

/**
 * What is found once it is as it should be; by default, once it is anything. Rejects with what there was instead when
 * that has not come in time.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  is: (found: T) => boolean = Boolean,
  { everyMs = 50, patienceMs = PATIENCE_MS } = {},
): Promise<T> {
  const beganAt = performance.now();
  for (;;) {
    const found = await look();
    if (is(found)) return found;
    if (performance.now() - beganAt > patienceMs) throw new Error(`still ${inspect(found)}`);
    await delay(everyMs);
  }
}
