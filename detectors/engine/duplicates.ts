/**
 * Requests delivered twice: fingerprints of the gateway's own request id with time, path, status and bytes.
 *
 * Two generations of open-addressing sets, changed by event time or when full, so a repeat is dropped for at
 * least one generation (10 minutes, or 8192 requests of the key group) and memory is bounded at 256 KiB.
 * What was added since the last checkpoint is handed out as a chunk, so that saving costs what changed.
 */

const GENERATION_MS = 600_000;
const GENERATION_MAX = 8192;
const FIRST_CELLS = 64;

class Generation {
  startAt: number;
  count = 0;
  chunks = 0;
  /** Added since the last checkpoint, two words each. */
  pending: number[] = [];
  private cells = new Int32Array(2 * FIRST_CELLS);

  constructor(startAt: number) {
    this.startAt = startAt;
  }

  /** Empties it for another span of time; its table keeps its size. */
  restart(startAt: number): void {
    this.startAt = startAt;
    this.count = 0;
    this.chunks = 0;
    this.pending = [];
    this.cells.fill(0);
  }

  has(a: number, b: number): boolean {
    const { cells } = this;
    const mask = cells.length / 2 - 1;
    for (let i = b & mask; ; i = (i + 1) & mask) {
      const x = cells[2 * i]!;
      const y = cells[2 * i + 1]!;
      if (x === 0 && y === 0) return false;
      if (x === a && y === b) return true;
    }
  }

  add(a: number, b: number): void {
    if ((this.count + 1) * 4 > this.cells.length) this.grow();
    this.put(a, b);
    this.count++;
  }

  private put(a: number, b: number): void {
    const { cells } = this;
    const mask = cells.length / 2 - 1;
    let i = b & mask;
    while (cells[2 * i] !== 0 || cells[2 * i + 1] !== 0) i = (i + 1) & mask;
    cells[2 * i] = a;
    cells[2 * i + 1] = b;
  }

  private grow(): void {
    const old = this.cells;
    this.cells = new Int32Array(old.length * 2);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== 0 || old[i + 1] !== 0) this.put(old[i]!, old[i + 1]!);
    }
  }
}

const PART = /^duplicates-(\d+)-(\d+)$/;

export class Duplicates {
  private older: Generation | undefined;
  private younger: Generation | undefined;
  private removed: string[] = [];
  private readonly durable: boolean;

  constructor(durable: boolean) {
    this.durable = durable;
  }

  /** True when this fingerprint was met before; remembers it otherwise. (0, 0) means none. */
  seen(a: number, b: number, at: number): boolean {
    const x = a | 0;
    const y = b | 0;
    if (this.younger?.has(x, y) || this.older?.has(x, y)) return true;
    let generation = this.younger;
    if (
      generation === undefined ||
      generation.count >= GENERATION_MAX ||
      at >= generation.startAt + GENERATION_MS
    ) {
      generation = this.rotate(at);
    }
    generation.add(x, y);
    if (this.durable) generation.pending.push(x, y);
    return false;
  }

  /** What changed since the last call: parts to write, and parts to delete. */
  drain(): { readonly written: { part: string; bytes: Uint8Array }[]; readonly removed: string[] } {
    const removed = this.removed;
    this.removed = [];
    const written = [];
    for (const generation of [this.older, this.younger]) {
      if (generation === undefined || generation.pending.length === 0) continue;
      const part = `duplicates-${generation.startAt}-${generation.chunks++}`;
      written.push({ part, bytes: new Uint8Array(Int32Array.from(generation.pending).buffer) });
      generation.pending = [];
    }
    return { written, removed };
  }

  /** Takes back a part written by `drain`; parts may come in any order. */
  restore(part: string, bytes: Uint8Array): boolean {
    const match = PART.exec(part);
    if (match === null) return false;
    const startAt = Number(match[1]);
    const generation = this.generationFor(startAt);
    generation.chunks = Math.max(generation.chunks, Number(match[2]) + 1);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i + 8 <= bytes.byteLength; i += 8) {
      generation.add(view.getInt32(i, true), view.getInt32(i + 4, true));
    }
    return true;
  }

  private generationFor(startAt: number): Generation {
    for (const g of [this.younger, this.older]) if (g?.startAt === startAt) return g;
    const made = new Generation(startAt);
    if (this.younger === undefined) this.younger = made;
    else if (startAt > this.younger.startAt) {
      this.older = this.younger;
      this.younger = made;
    } else this.older = made;
    return made;
  }

  private rotate(at: number): Generation {
    const dropped = this.older;
    if (dropped !== undefined) {
      for (let i = 0; i < dropped.chunks; i++)
        this.removed.push(`duplicates-${dropped.startAt}-${i}`);
    }
    const startAt = Math.max(at, (this.younger?.startAt ?? 0) + 1);
    dropped?.restart(startAt);
    this.older = this.younger;
    this.younger = dropped ?? new Generation(startAt);
    return this.younger;
  }
}
