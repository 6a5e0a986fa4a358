/**
 * keys.ts KEYS EVENTS_PER_KEY EVENTS_LEAST: memory and CPU of engines of KEYS keys, all detectors on.
 *
 * Each key lives the same life whatever KEYS is (same number of requests, same gaps, one change of the hour),
 * so that the cost per event differs by memory alone. Small engines are run again and again until
 * EVENTS_LEAST events were measured; the first rounds warm the code up and are not counted.
 */

import type { KeyIdentity } from '../../core/event.ts';
import type { DetectionEngine } from '../../detectors/engine/engine.ts';
import { hour, newEngine, now } from './engine.ts';
import { createEventMaker, type EventMaker, madeKey } from './made-keys.ts';

/** Mean time between two requests of a key. */
const GAP_MS = 300_000;
const WARM_EVENTS = 300_000;

const [keys = 1000, perKey = 12, eventsLeast = 1_000_000] = process.argv.slice(2).map(Number);

/** First request of every key; identities are not kept, so what stays is the engine's. */
function populate(engine: DetectionEngine, maker: EventMaker): void {
  const stream = engine.openStream('bench', 'bench', 60_000);
  for (let i = 0; i < keys; i++) {
    engine.observe(maker.make(madeKey(i), i, i, hour + Math.floor((i * GAP_MS) / keys), stream));
  }
}

/** The rest of the keys' lives, in a scattered order. CPU seconds. */
function live(
  engine: DetectionEngine,
  maker: EventMaker,
  identities: readonly KeyIdentity[],
): number {
  const total = keys * (perKey - 1);
  // An odd stride that shares no factor with the number of keys visits each once a round, cache-unfriendly.
  const stride = strideFor(keys);
  const begin = now();
  for (let round = 1, n = keys; n < total + keys; round++) {
    for (let j = 0, i = round % keys; j < keys; j++, n++) {
      const at = hour + Math.floor(((round + j / keys) * GAP_MS) | 0);
      engine.observe(maker.make(identities[i]!, i, n, at, 0));
      i += stride;
      if (i >= keys) i -= keys;
    }
  }
  return now() - begin;
}

function strideFor(count: number): number {
  let stride = Math.max(1, Math.floor(count * 0.618));
  while (gcd(stride, count) !== 1) stride++;
  return stride % count || 1;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function memory() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss, heapUsed, arrayBuffers };
}

function main(): void {
  const maker = createEventMaker();
  const before = memory();
  let engine = newEngine(keys, false);
  populate(engine, maker);
  const after = memory();
  const identities = Array.from({ length: keys }, (_, i) => madeKey(i));
  let events = 0;
  let cpuSeconds = 0;
  let warm = keys;
  while (events < eventsLeast) {
    const seconds = live(engine, maker, identities);
    const lived = keys * (perKey - 1);
    if (warm >= WARM_EVENTS) {
      events += lived;
      cpuSeconds += seconds;
    }
    warm += lived;
    if (events >= eventsLeast) break;
    engine = newEngine(keys, false);
    populate(engine, maker);
  }
  const stats = engine.stats();
  const result = {
    keys,
    subjects: stats.subjects,
    recordBytes: engine.judge.layout.size,
    bufferBytesPerKey: (after.arrayBuffers - before.arrayBuffers) / keys,
    heapBytesPerKey: (after.heapUsed - before.heapUsed) / keys,
    rssBytes: after.rss,
    rssBytesPerKey: (after.rss - before.rss) / keys,
    events,
    microsPerEvent: (cpuSeconds / events) * 1e6,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main();
