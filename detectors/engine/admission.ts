/**
 * Who gets a record when the table fills up: a count-min sketch of events per key, aged by event time.
 *
 * Ten million made-up keys must not grow memory nor push out real ones: beyond a quarter of the table, an
 * unregistered key must have been seen clearly more often than the sketch's own noise. Count-min with
 * conservative update (Estan and Varghese 2002), 4 rows of 1024 16-bit counters, halved every hour.
 */
import type { KeyIdentity } from '../../core/event.ts';

const ROWS = 4;
const WIDTH = 1024;
const HALVING_MS = 3_600_000;
/** Events that earn a record when the sketch is empty. */
const EARNED = 8;
const COUNTER_MAX = 65_535;

export class AdmissionSketch {
  private readonly cells: Uint16Array<ArrayBuffer>;
  /** Sum of the first row: how many events the sketch has seen, aged. */
  private total = 0;
  private halvedAt = 0;
  changed = false;

  constructor(bytes?: Uint8Array) {
    this.cells = new Uint16Array(ROWS * WIDTH);
    if (bytes === undefined) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.total = view.getFloat64(0, true);
    this.halvedAt = view.getFloat64(8, true);
    for (let i = 0; i < this.cells.length; i++) this.cells[i] = view.getUint16(16 + 2 * i, true);
  }

  /** Counts one event of a key without a record; true when the key has earned one. */
  earns(key: KeyIdentity, at: number): boolean {
    this.age(at);
    this.changed = true;
    const { cells } = this;
    const a = key.digest2;
    const b = key.digest3 | 1;
    let least = COUNTER_MAX;
    for (let row = 0; row < ROWS; row++) {
      const value = cells[row * WIDTH + ((a + Math.imul(row, b)) & (WIDTH - 1))]!;
      if (value < least) least = value;
    }
    const estimate = Math.min(COUNTER_MAX, least + 1);
    for (let row = 0; row < ROWS; row++) {
      const i = row * WIDTH + ((a + Math.imul(row, b)) & (WIDTH - 1));
      if (cells[i]! < estimate) cells[i] = estimate;
    }
    this.total++;
    const noise = this.total / WIDTH;
    return estimate >= EARNED + noise + 4 * Math.sqrt(noise);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(16 + 2 * this.cells.length);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.total, true);
    view.setFloat64(8, this.halvedAt, true);
    for (let i = 0; i < this.cells.length; i++) view.setUint16(16 + 2 * i, this.cells[i]!, true);
    return bytes;
  }

  private age(at: number): void {
    if (this.halvedAt === 0) this.halvedAt = at;
    const halvings = Math.floor((at - this.halvedAt) / HALVING_MS);
    if (halvings <= 0) return;
    const shift = Math.min(16, halvings);
    for (let i = 0; i < this.cells.length; i++) this.cells[i] = this.cells[i]! >>> shift;
    this.total /= 2 ** shift;
    this.halvedAt += halvings * HALVING_MS;
  }
}
