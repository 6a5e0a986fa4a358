/**
 * What the limits of the decide role depend on: what detection has saved of a key in Redis. Requests are answered
 * from memory: a key that is new here has no learned limit until it was read, which a request never waits for.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { type KnownUse, knownUse } from '../response/limit-facts.ts';
import { enginesOf, type RestoreOptions, rowOf } from './redis-keys.ts';

/** What is known is read again after this: baselines move slowly. */
const READ_MS = 600_000;
const LOOK_MS = 1000;
/** Keys read at once; each takes about 0.1 ms, and requests are answered between two of them. */
const BATCH = 100;
/** Keys that wait to be read; who comes beyond is told of again by its next use. */
const WAITING_MAX = 10_000;
const KEYS_MAX = 100_000;

interface Read {
  readonly use: KnownUse | undefined;
  readonly at: number;
}

export class DecideFacts {
  private readonly options: RestoreOptions;
  private readonly clock: Clock;
  private readonly keys = new Map<string, Read>();
  private readonly waiting = new Set<string>();

  constructor(options: RestoreOptions, clock: Clock) {
    this.options = options;
    this.clock = clock;
  }

  get waitingKeys(): number {
    return this.waiting.size;
  }

  /** As it was read last; asks for it to be read when that is long ago. */
  readonly known = (id: string): KnownUse | undefined => {
    const read = this.keys.get(id);
    const isOld = read === undefined || this.clock.now() - read.at >= READ_MS;
    if (isOld && this.waiting.size < WAITING_MAX) this.waiting.add(id);
    return read?.use;
  };

  /** Reads the keys that wait longest. Rejects while Redis is away: they go on waiting. */
  async read(): Promise<void> {
    const ids = [...this.waiting].slice(0, BATCH);
    if (ids.length === 0) return;
    const state = await this.options.state();
    const found = await Promise.all(ids.map((id) => rowOf(id, state)));
    const uses = new Map<string, KnownUse | undefined>();
    const rows = found.filter((row) => row !== undefined);
    for await (const { engine, rows: restored } of enginesOf(rows, this.options)) {
      for (const { id } of restored) {
        uses.set(id, knownUse(engine, id));
        await nextTurn();
      }
    }
    for (const id of ids) this.keep(id, uses.get(id));
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.read().catch(() => undefined);
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  private keep(id: string, use: KnownUse | undefined): void {
    this.waiting.delete(id);
    this.keys.delete(id);
    this.keys.set(id, { use, at: this.clock.now() });
    if (this.keys.size > KEYS_MAX) this.keys.delete(this.keys.keys().next().value!);
  }
}
