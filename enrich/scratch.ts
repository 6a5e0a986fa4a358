/** A byte buffer that is reused, and grows to the longest value it had to hold. */

const PERCENT = 0x25;
const DASH = 0x2d;
const STAR = 0x2a;
const REDACTED = new TextEncoder().encode('redacted');

export class Scratch {
  bytes = new Uint8Array(256);
  length = 0;

  /** Copies bytes[start, end), percent-decoded; what is no escape stays as it is. */
  decodePercent(bytes: Uint8Array, start: number, end: number): void {
    if (this.bytes.length < end - start) this.bytes = new Uint8Array((end - start) * 2);
    let to = 0;
    for (let i = start; i < end; i++) {
      let byte = bytes[i]!;
      if (byte === PERCENT && i + 2 < end) {
        const value = hexValue(bytes[i + 1]!) * 16 + hexValue(bytes[i + 2]!);
        if (value >= 0) {
          byte = value;
          i += 2;
        }
      }
      this.bytes[to++] = byte;
    }
    this.length = to;
  }

  equals(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== this.length) return false;
    for (let i = 0; i < this.length; i++) {
      if (this.bytes[i] !== bytes[start + i]) return false;
    }
    return true;
  }

  isAbsent(): boolean {
    return isAbsentValue(this.bytes, 0, this.length);
  }
}

/** Empty, `-`, only stars, `REDACTED` or `[REDACTED]`: how logs write that they do not say. */
export function isAbsentValue(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length > 10) return onlyStars(bytes, start, end);
  if (length <= 0 || (length === 1 && bytes[start] === DASH)) return true;
  if (length === 8) return isRedacted(bytes, start) || onlyStars(bytes, start, end);
  if (length === 10 && bytes[start] === 0x5b) return isRedacted(bytes, start + 1);
  return onlyStars(bytes, start, end);
}

function isRedacted(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < REDACTED.length; i++) {
    if ((bytes[start + i]! | 0x20) !== REDACTED[i]) return false;
  }
  return true;
}

function onlyStars(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] !== STAR) return false;
  }
  return true;
}

/** Far below 0 for what is no hex digit, so that no pair with one comes out as a byte. */
function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -256;
}
