/**
 * Reads the encodings of Protocol Buffers out of bytes that anybody may have written. Nothing is read past the end,
 * and every step consumes at least one byte; else `event-damaged` is thrown.
 */
import { damagedBatch } from './layout.ts';
import { WIRE } from './output.ts';

const VARINT_BYTES_MAX = 10;
/** So many bytes of a varint are exact in a number. */
const EXACT_BYTES = 7;
const LENGTH_MAX = 0x7fff_ffff;

export class Input {
  bytes: Uint8Array = EMPTY;
  at = 0;
  end = 0;
  /** Of the field that `next` found. */
  field = 0;
  wireType = 0;
  view: DataView = EMPTY_VIEW;

  begin(bytes: Uint8Array, at: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.at = at;
    this.end = end;
  }

  /** Lets go of the bytes. */
  release(): void {
    this.bytes = EMPTY;
    this.view = EMPTY_VIEW;
  }

  /** Reads the next tag; false at the end. The field's value must be read or skipped before the next call. */
  next(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.uint();
    this.wireType = tag & 7;
    this.field = Math.floor(tag / 8);
    if (this.field === 0 || tag > 0xffff_ffff) throw damagedBatch('a field has no number');
    return true;
  }

  /** A varint of at most 2^53. */
  uint(): number {
    const { bytes, end } = this;
    let value = 0;
    let unit = 1;
    let at = this.at;
    for (let i = 0; i < EXACT_BYTES; i++) {
      if (at >= end) throw damagedBatch('it ends too early');
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
      unit *= 128;
    }
    const big = this.bigUint();
    if (big > 2n ** 53n) throw damagedBatch('a number is out of range');
    return Number(big);
  }

  /** A varint of at most 64 bits. */
  bigUint(): bigint {
    let value = 0n;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (this.at >= this.end) throw damagedBatch('it ends too early');
      const byte = this.bytes[this.at++]!;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw damagedBatch('a number has no end');
  }

  /** Reads a length, and answers where what it stands before ends; `at` is where that begins. */
  range(): number {
    if (this.wireType !== WIRE.bytes) throw damagedBatch('a field is of another type');
    const length = this.uint();
    const rangeEnd = this.at + length;
    if (length > LENGTH_MAX || rangeEnd > this.end) throw damagedBatch('it ends too early');
    return rangeEnd;
  }

  /** As `range`, for entries of numbers: packed, or one alone. */
  entries(single: number): number {
    if (this.wireType === WIRE.bytes) return this.range();
    if (this.wireType !== single) throw damagedBatch('a field is of another type');
    const from = this.at;
    this.skip();
    const to = this.at;
    this.at = from;
    return to;
  }

  varintField(): number {
    if (this.wireType !== WIRE.varint) throw damagedBatch('a field is of another type');
    return this.uint();
  }

  doubleField(): number {
    if (this.wireType !== WIRE.fixed64) throw damagedBatch('a field is of another type');
    const from = this.at;
    this.#pass(8);
    return this.view.getFloat64(from, true);
  }

  fixed32Field(): number {
    if (this.wireType !== WIRE.fixed32) throw damagedBatch('a field is of another type');
    const from = this.at;
    this.#pass(4);
    return this.view.getUint32(from, true);
  }

  textField(): string {
    const to = this.range();
    const text = decodeText(this.bytes, this.at, to);
    this.at = to;
    return text;
  }

  /** Skips the value of a field that nobody asked for. */
  skip(): void {
    let depth = 0;
    do {
      if (this.wireType === WIRE.varint) this.#skipVarint();
      else if (this.wireType === WIRE.fixed64) this.#pass(8);
      else if (this.wireType === WIRE.bytes) this.at = this.range();
      else if (this.wireType === WIRE.fixed32) this.#pass(4);
      else if (this.wireType === WIRE.startGroup) depth++;
      else if (this.wireType === WIRE.endGroup) depth--;
      else throw damagedBatch('a field is of no type');
      if (depth < 0) throw damagedBatch('a group ends that did not begin');
    } while (depth > 0 && this.#within());
  }

  #within(): boolean {
    if (!this.next()) throw damagedBatch('it ends too early');
    return true;
  }

  #skipVarint(): void {
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (this.at >= this.end) break;
      if (this.bytes[this.at++]! < 0x80) return;
    }
    throw damagedBatch('a number has no end');
  }

  #pass(count: number): void {
    if (this.at + count > this.end) throw damagedBatch('it ends too early');
    this.at += count;
  }
}

export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? '' : DECODER.decode(bytes.subarray(start, end));
}

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
