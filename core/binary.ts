/**
 * Numbers and text as bytes, for what is kept on disk. The grammar stands in event-codec.ts.
 * The write functions answer the offset after what they wrote; the caller has made sure of the room.
 */
import { KeyhoundError } from './errors.ts';

export const NUMBER_BYTES_MAX = 9;
export const VARINT_BYTES_MAX = 8;
/** Larger whole numbers are written as floats. */
const WHOLE_MAX = 2 ** 50;

export function writePart(buffer: Uint8Array, offset: number, part: Uint8Array): number {
  const at = writeVarint(buffer, offset, part.length);
  for (let i = 0; i < part.length; i++) buffer[at + i] = part[i]!;
  return at + part.length;
}

export function writeNumber(buffer: Uint8Array, offset: number, value: number): number {
  if (Number.isInteger(value) && value >= -1 && value <= WHOLE_MAX && !Object.is(value, -0)) {
    return writeVarint(buffer, offset, value + 2);
  }
  buffer[offset] = 0;
  return writeFloat(buffer, offset + 1, value);
}

export function writeVarint(buffer: Uint8Array, offset: number, value: number): number {
  let left = value;
  let at = offset;
  while (left >= 128) {
    buffer[at++] = (left % 128) | 0x80;
    left = Math.floor(left / 128);
  }
  buffer[at++] = left;
  return at;
}

export function writeWord(buffer: Uint8Array, offset: number, value: number): number {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
  buffer[offset + 2] = value >>> 16;
  buffer[offset + 3] = value >>> 24;
  return offset + 4;
}

export function writeFloat(buffer: Uint8Array, offset: number, value: number): number {
  SCRATCH_VIEW.setFloat64(0, value, true);
  for (let i = 0; i < 8; i++) buffer[offset + i] = SCRATCH[i]!;
  return offset + 8;
}

/** Reads values one after the other from bytes[at, end). Throws `event-damaged` past the end. */
export class BytesReader {
  bytes: Uint8Array = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);
  at = 0;
  end = 0;

  begin(bytes: Uint8Array, at: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.at = at;
    this.end = end;
  }

  float(): number {
    for (let i = 0; i < 8; i++) SCRATCH[i] = this.bytes[this.at + i]!;
    this.at += 8;
    return SCRATCH_VIEW.getFloat64(0, true);
  }

  word(): number {
    const { bytes, at } = this;
    this.at += 4;
    const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    return (low | (bytes[at + 3]! << 24)) >>> 0;
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (this.at >= this.end) throw damaged();
      const c = this.bytes[this.at++]!;
      value += (c & 0x7f) * unit;
      if (c < 0x80) return value;
      unit *= 128;
    }
    throw damaged();
  }

  number(): number {
    const value = this.varint();
    return value === 0 ? this.float() : value - 2;
  }

  text(): string {
    const length = this.varint();
    const start = this.at;
    this.at += length;
    if (this.at > this.end) throw damaged();
    return DECODER.decode(this.bytes.subarray(start, this.at));
  }

  rest(): string {
    return DECODER.decode(this.bytes.subarray(this.at, this.end));
  }
}

/** Builds a short run of values. Allocates: not for the hot path. */
export class BytesWriter {
  readonly #bytes: number[] = [];
  readonly #scratch = new Uint8Array(NUMBER_BYTES_MAX);

  #append(end: number): this {
    for (let i = 0; i < end; i++) this.#bytes.push(this.#scratch[i]!);
    return this;
  }
  byte(value: number): this {
    this.#bytes.push(value);
    return this;
  }
  word(value: number): this {
    return this.#append(writeWord(this.#scratch, 0, value));
  }
  float(value: number): this {
    return this.#append(writeFloat(this.#scratch, 0, value));
  }
  number(value: number): this {
    return this.#append(writeNumber(this.#scratch, 0, value));
  }
  text(value: string): this {
    const bytes = ENCODER.encode(value);
    this.#append(writeVarint(this.#scratch, 0, bytes.length));
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }
  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

export function damaged(): KeyhoundError {
  return new KeyhoundError('operating', 'a stored event is damaged', { code: 'event-damaged' });
}

const SCRATCH = new Uint8Array(8);
const SCRATCH_VIEW = new DataView(SCRATCH.buffer);
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
