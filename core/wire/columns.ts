/**
 * One field of all items of a table, decoded at once: a tight loop per column is several times faster than a loop
 * over the fields of each item.
 */
import type { Input } from './input.ts';
import { damagedBatch, ITEMS_MAX } from './layout.ts';
import { WIRE } from './output.ts';

const START_ITEMS = 256;
const WORD_MAX = 0xffff_ffff;

export abstract class Column {
  length = 0;
  protected abstract capacity: number;
  protected abstract resize(items: number): void;
  /** Adds the entries of the field at hand. */
  abstract read(input: Input): void;
  protected abstract fill(from: number, to: number): void;

  clear(): void {
    this.length = 0;
  }

  /** Every item has an entry, or none has: then all are 0. */
  complete(count: number): void {
    if (this.length === count) return;
    if (this.length !== 0) throw damagedBatch('its columns are not of one length');
    if (count > this.capacity) this.resize(roomFor(count));
    this.fill(0, count);
    this.length = count;
  }

  /** Makes room for that many more entries, and no more than a batch may have. */
  protected reserve(entries: number): void {
    const needed = Math.min(ITEMS_MAX, this.length + entries);
    if (needed > this.capacity) this.resize(roomFor(needed));
  }
}

function roomFor(count: number): number {
  if (count > ITEMS_MAX) throw tooMany();
  return Math.min(ITEMS_MAX, Math.max(START_ITEMS, 2 * count));
}

function tooMany() {
  return damagedBatch('it has too many items');
}

// The loops below keep what they use in variables, and read one and two bytes themselves: a call, or a field of an
// object, for each entry would double the cost of a batch.

/** Whole numbers of 32 bits: indexes, codes, bits. */
export class WordColumn extends Column {
  values = new Uint32Array(START_ITEMS);
  protected capacity = START_ITEMS;

  read(input: Input): void {
    const to = input.entries(WIRE.varint);
    this.reserve(to - input.at);
    const { values, capacity } = this;
    const { bytes } = input;
    let { length } = this;
    let at = input.at;
    while (at < to) {
      if (length === capacity) throw tooMany();
      let value = bytes[at++]!;
      if (value >= 0x80) {
        const next = at < to ? bytes[at]! : 0x80;
        if (next < 0x80) {
          value = (value & 0x7f) | (next << 7);
          at++;
        } else {
          input.at = at - 1;
          value = input.uint();
          at = input.at;
          if (value > WORD_MAX) throw damagedBatch('a number is out of range');
        }
      }
      values[length++] = value;
    }
    if (at > to) throw damagedBatch('a number is cut off');
    this.length = length;
    input.at = to;
  }

  /** Throws when a value is not an index of `list`. */
  within(length: number): void {
    const { values } = this;
    let most = 0;
    for (let i = 0; i < this.length; i++) if (values[i]! > most) most = values[i]!;
    if (most >= length && this.length > 0) throw damagedBatch('an index is out of range');
  }

  protected resize(items: number): void {
    const values = new Uint32Array(items);
    values.set(this.values.subarray(0, this.length));
    this.values = values;
    this.capacity = items;
  }

  protected fill(from: number, to: number): void {
    this.values.fill(0, from, to);
  }
}

/** 32 bits each, as they are. */
export class Fixed32Column extends WordColumn {
  override read(input: Input): void {
    const to = input.entries(WIRE.fixed32);
    if ((to - input.at) % 4 !== 0) throw damagedBatch('a number is cut off');
    this.reserve((to - input.at) / 4);
    const { values, capacity } = this;
    const { view } = input;
    let { length } = this;
    for (let at = input.at; at < to; at += 4) {
      if (length === capacity) throw tooMany();
      values[length++] = view.getUint32(at, true);
    }
    this.length = length;
    input.at = to;
  }
}

/** 64 bits each, as two words: of item i at 2 i and 2 i + 1, the lower one first. */
export class Fixed64Column extends Column {
  words = new Uint32Array(2 * START_ITEMS);
  protected capacity = START_ITEMS;

  read(input: Input): void {
    const to = input.entries(WIRE.fixed64);
    if ((to - input.at) % 8 !== 0) throw damagedBatch('a number is cut off');
    this.reserve((to - input.at) / 8);
    const { words, capacity } = this;
    const { view } = input;
    let { length } = this;
    for (let at = input.at; at < to; at += 8) {
      if (length === capacity) throw tooMany();
      words[2 * length] = view.getUint32(at, true);
      words[2 * length + 1] = view.getUint32(at + 4, true);
      length++;
    }
    this.length = length;
    input.at = to;
  }

  protected resize(items: number): void {
    const words = new Uint32Array(2 * items);
    words.set(this.words.subarray(0, 2 * this.length));
    this.words = words;
    this.capacity = items;
  }

  protected fill(from: number, to: number): void {
    this.words.fill(0, 2 * from, 2 * to);
  }
}

/** Numbers of double precision, and base of those that need as much room. */
export class DoubleColumn extends Column {
  values = new Float64Array(START_ITEMS);
  protected capacity = START_ITEMS;

  read(input: Input): void {
    const to = input.entries(WIRE.fixed64);
    if ((to - input.at) % 8 !== 0) throw damagedBatch('a number is cut off');
    this.reserve((to - input.at) / 8);
    const { values, capacity } = this;
    const { view } = input;
    let { length } = this;
    for (let at = input.at; at < to; at += 8) {
      if (length === capacity) throw tooMany();
      values[length++] = view.getFloat64(at, true);
    }
    this.length = length;
    input.at = to;
  }

  protected resize(items: number): void {
    const values = new Float64Array(items);
    values.set(this.values.subarray(0, this.length));
    this.values = values;
    this.capacity = items;
  }

  protected fill(from: number, to: number): void {
    this.values.fill(0, from, to);
  }
}

/** Whole numbers up to 2^53. */
export class UintColumn extends DoubleColumn {
  override read(input: Input): void {
    const to = input.entries(WIRE.varint);
    this.reserve(to - input.at);
    const { values, capacity } = this;
    const { bytes } = input;
    let { length } = this;
    let at = input.at;
    while (at < to) {
      if (length === capacity) throw tooMany();
      const first = bytes[at]!;
      const next = at + 1 < to ? bytes[at + 1]! : 0x80;
      if (first < 0x80) {
        values[length++] = first;
        at++;
      } else if (next < 0x80) {
        values[length++] = (first & 0x7f) | (next << 7);
        at += 2;
      } else {
        input.at = at;
        values[length++] = input.uint();
        at = input.at;
      }
    }
    if (at > to) throw damagedBatch('a number is cut off');
    this.length = length;
    input.at = to;
  }
}

/** Whole numbers up to 2^53 either way, in zigzag encoding. */
export class SintColumn extends DoubleColumn {
  override read(input: Input): void {
    const to = input.entries(WIRE.varint);
    this.reserve(to - input.at);
    const { values, capacity } = this;
    const { bytes } = input;
    let { length } = this;
    let at = input.at;
    while (at < to) {
      if (length === capacity) throw tooMany();
      const first = bytes[at]!;
      const next = at + 1 < to ? bytes[at + 1]! : 0x80;
      if (first < 0x80) {
        values[length++] = (first >>> 1) ^ -(first & 1);
        at++;
      } else if (next < 0x80) {
        const coded = (first & 0x7f) | (next << 7);
        values[length++] = (coded >>> 1) ^ -(coded & 1);
        at += 2;
      } else {
        input.at = at;
        values[length++] = zigzag(input);
        at = input.at;
      }
    }
    if (at > to) throw damagedBatch('a number is cut off');
    this.length = length;
    input.at = to;
  }
}

function zigzag(input: Input): number {
  const from = input.at;
  const { bytes } = input;
  // Seven bytes are exact in a number, as most are; the rest is rare enough to be slow.
  let long = 0;
  while (long < 7 && bytes[from + long]! >= 0x80) long++;
  if (long < 7) {
    const coded = input.uint();
    return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
  }
  const coded = input.bigUint();
  const value = Number((coded >> 1n) ^ -(coded & 1n));
  if (!Number.isSafeInteger(value)) throw damagedBatch('a number is out of range');
  return value;
}
