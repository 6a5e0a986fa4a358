/** Most groups of a small engine stay empty; two arrays of 16 for each of them are what costs most at its start. */
const NONE_AT = new Float64Array(0);
const NONE = new Int32Array(0);
const FIRST_CELLS = 16;

/** Min-heap of (instant, slot): which subjects of a key group are due when the watermark passes. */
export class DueHeap {
  private at = NONE_AT;
  private slots = NONE;
  size = 0;

  /** Earliest instant, epoch ms; Infinity when empty. */
  get first(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.at[0]!;
  }

  push(at: number, slot: number): void {
    if (this.size === this.at.length) this.grow();
    let i = this.size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(this.at[parent]!, this.slots[parent]!, at, slot)) break;
      this.at[i] = this.at[parent]!;
      this.slots[i] = this.slots[parent]!;
      i = parent;
    }
    this.at[i] = at;
    this.slots[i] = slot;
  }

  /** Removes the earliest entry and answers its slot. The heap must not be empty. */
  pop(): number {
    const slot = this.slots[0]!;
    const at = this.at[--this.size]!;
    const last = this.slots[this.size]!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.size) break;
      const right = child + 1;
      if (
        right < this.size &&
        before(this.at[right]!, this.slots[right]!, this.at[child]!, this.slots[child]!)
      ) {
        child = right;
      }
      if (before(at, last, this.at[child]!, this.slots[child]!)) break;
      this.at[i] = this.at[child]!;
      this.slots[i] = this.slots[child]!;
      i = child;
    }
    this.at[i] = at;
    this.slots[i] = last;
    return slot;
  }

  private grow(): void {
    const at = new Float64Array(Math.max(FIRST_CELLS, this.at.length * 2));
    const slots = new Int32Array(at.length);
    at.set(this.at);
    slots.set(this.slots);
    this.at = at;
    this.slots = slots;
  }
}

/** When something is due first in each of several heaps, side by side: who looks, looks at all of them. */
export class FirstDue {
  /** By heap, epoch ms; Infinity for never. */
  readonly at: Float64Array;

  constructor(heaps: number) {
    this.at = new Float64Array(heaps).fill(Number.POSITIVE_INFINITY);
  }

  /** Something was pushed. */
  note(heap: number, at: number): void {
    if (at < this.at[heap]!) this.at[heap] = at;
  }

  least(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.at.length; i++) {
      const at = this.at[i]!;
      if (at < least) least = at;
    }
    return least;
  }
}

function before(at: number, slot: number, otherAt: number, otherSlot: number): boolean {
  return at < otherAt || (at === otherAt && slot <= otherSlot);
}
