/**
 * checkpoint.ts KEYS DIRTY FOLDER: time of a checkpoint into SQLite, first with every key changed, then three
 * times with DIRTY of them. The state is in a folder of its own, made and left to the caller to remove.
 */

import type { StateStore } from '../../core/store.ts';
import type { DetectionEngine } from '../../detectors/engine/engine.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { hour, newEngine, now } from './engine.ts';
import { createEventMaker, madeKey } from './made-keys.ts';

const ROUNDS = 3;
const [keys = 20_000, dirty = 5000] = process.argv.slice(2, 4).map(Number);
const folder = process.argv[4]!;

async function save(engine: DetectionEngine, store: StateStore) {
  const beginCpu = now();
  const begin = performance.now();
  const part = engine.checkpoint();
  const drained = performance.now();
  await store.commit({ ...part, deadLetters: [] });
  const end = performance.now();
  return {
    drainMs: drained - begin,
    commitMs: end - drained,
    cpuMs: (now() - beginCpu) * 1000,
  };
}

async function main(): Promise<void> {
  const store = await openSqliteStore({ folder, pepperFingerprint: 'bench' });
  const engine = newEngine(keys, true);
  const maker = createEventMaker();
  const stream = engine.openStream('bench', 'bench', 60_000);
  let n = 0;
  for (let i = 0; i < keys; i++) engine.observe(maker.make(madeKey(i), i, n++, hour + i, stream));
  const full = await save(engine, store);
  const part = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let j = 0; j < dirty; j++) {
      const i = (j * 7919 + round) % keys;
      engine.observe(maker.make(madeKey(i), i, n++, hour + keys + n, stream));
    }
    part.push(await save(engine, store));
  }
  await store.close();
  process.stdout.write(`${JSON.stringify({ keys, dirty, full, part })}\n`);
}

await main();
