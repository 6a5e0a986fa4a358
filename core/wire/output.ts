/**
 * Bytes under construction, in the encodings of Protocol Buffers. Grows as needed and is reused; what it grew to
 * stays until `clear` finds it far too large.
 */

const START_BYTES = 256;
const SCALAR_BYTES_MAX = 10;
/** Larger buffers are given back once they were used. */
const KEPT_BYTES_MAX = 1 << 20;
/** Below this, arithmetic on whole numbers stays in 32 bits. */
const INT_MAX = 0x3fff_ffff;
const EXACT_ZIGZAG_MAX = 2 ** 52;

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 };

export class Output {
  bytes: Uint8Array = new Uint8Array(START_BYTES);
  length = 0;
  /** A value other than 0 was added. */
  used = false;
  #view = new DataView(this.bytes.buffer);

  clear(): void {
    this.length = 0;
    this.used = false;
    if (this.bytes.length > KEPT_BYTES_MAX) this.#resize(START_BYTES);
  }

  /** A whole number from 0 to 2^53. */
  uint(value: number): void {
    if (this.length + SCALAR_BYTES_MAX > this.bytes.length) this.#grow(SCALAR_BYTES_MAX);
    if (value !== 0) this.used = true;
    const { bytes } = this;
    let left = value;
    while (left > INT_MAX) {
      bytes[this.length++] = (left % 128) | 0x80;
      left = Math.floor(left / 128);
    }
    let small = left | 0;
    while (small > 0x7f) {
      bytes[this.length++] = (small & 0x7f) | 0x80;
      small >>>= 7;
    }
    bytes[this.length++] = small;
  }

  /** A whole number of at most 2^53 either way, in zigzag encoding. */
  sint(value: number): void {
    if (value >= 0) {
      if (value < EXACT_ZIGZAG_MAX) this.uint(value * 2);
      else this.#big(BigInt(value) * 2n);
    } else if (value > -EXACT_ZIGZAG_MAX) {
      this.uint(-value * 2 - 1);
    } else {
      this.#big(BigInt(-value) * 2n - 1n);
    }
  }

  double(value: number): void {
    if (this.length + SCALAR_BYTES_MAX > this.bytes.length) this.#grow(SCALAR_BYTES_MAX);
    // -0 is a value of its own.
    if (value !== 0 || 1 / value < 0) this.used = true;
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  fixed32(value: number): void {
    if (this.length + SCALAR_BYTES_MAX > this.bytes.length) this.#grow(SCALAR_BYTES_MAX);
    if (value !== 0) this.used = true;
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  /** Four bytes, highest first, without an encoding of their own. */
  rawWord(value: number): void {
    if (this.length + SCALAR_BYTES_MAX > this.bytes.length) this.#grow(SCALAR_BYTES_MAX);
    this.#view.setInt32(this.length, value, false);
    this.length += 4;
  }

  tag(field: number, wireType: number): void {
    this.uint(field * 8 + wireType);
  }

  /** A whole field of bytes or of another message. */
  field(field: number, bytes: Uint8Array, length: number): void {
    this.tag(field, WIRE.bytes);
    this.uint(length);
    this.append(bytes, length);
  }

  /** Bytes as they are. */
  append(bytes: Uint8Array, length: number): void {
    this.#grow(length);
    this.bytes.set(length === bytes.length ? bytes : bytes.subarray(0, length), this.length);
    this.length += length;
  }

  /** Length and UTF-8. */
  text(value: string): void {
    const { length } = value;
    // UTF-8 needs at most three bytes for a unit of UTF-16.
    this.#grow(SCALAR_BYTES_MAX + 3 * length);
    const start = this.length;
    this.uint(length);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) {
        this.length = start;
        this.#unicode(value);
        return;
      }
      bytes[at++] = unit;
    }
    this.length = at;
  }

  /** Begins something whose length stands in front of it; answers where. */
  begin(): number {
    this.uint(0);
    return this.length;
  }

  /** Ends what began there: room was kept for a length of one byte. */
  end(start: number): void {
    const length = this.length - start;
    if (length > 0x7f) {
      const extra = Math.ceil((32 - Math.clz32(length)) / 7) - 1;
      this.#grow(extra + SCALAR_BYTES_MAX);
      this.bytes.copyWithin(start + extra, start, this.length);
    }
    this.length = start - 1;
    this.uint(length);
    this.length += length;
  }

  #unicode(value: string): void {
    const encoded = ENCODER.encode(value);
    this.uint(encoded.length);
    this.append(encoded, encoded.length);
  }

  #big(value: bigint): void {
    if (this.length + SCALAR_BYTES_MAX > this.bytes.length) this.#grow(SCALAR_BYTES_MAX);
    this.used = true;
    let left = value;
    while (left > 0x7fn) {
      this.bytes[this.length++] = Number(left & 0x7fn) | 0x80;
      left >>= 7n;
    }
    this.bytes[this.length++] = Number(left);
  }

  #grow(room: number): void {
    const needed = this.length + room;
    if (needed <= this.bytes.length) return;
    this.#resize(Math.max(needed, 2 * this.bytes.length));
  }

  #resize(size: number): void {
    const old = this.bytes;
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
    // All of it: `end` looks back from behind what counts as written.
    if (size > old.length) this.bytes.set(old);
  }
}

const ENCODER = new TextEncoder();
