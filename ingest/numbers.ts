/** Numbers in bytes, without making strings of them. */

const DOT = 0x2e;
/** 10^k is exact up to here, so one division or multiplication rounds as the grammar of numbers demands. */
const POWERS: readonly number[] = Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));
const MANTISSA_MAX = 2 ** 53;

/**
 * The number that bytes[from, to) spells: sign, digits, fraction, exponent. NaN when it spells none, or holds
 * anything else. Equal to Number() of the same text, bit for bit.
 */
export function readNumber(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  const negative = bytes[i] === 0x2d;
  if (negative) i++;
  let mantissa = 0;
  let digits = 0;
  let fraction = 0;
  let seenDot = false;
  for (; i < to; i++) {
    const c = bytes[i]!;
    if (c >= 0x30 && c <= 0x39) {
      mantissa = mantissa * 10 + (c - 0x30);
      digits++;
      if (seenDot) fraction++;
    } else if (c === DOT && !seenDot && digits > 0) {
      seenDot = true;
    } else {
      return slowNumber(bytes, from, to);
    }
  }
  if (digits === 0 || (seenDot && fraction === 0)) return Number.NaN;
  if (mantissa >= MANTISSA_MAX || fraction > 22) return slowNumber(bytes, from, to);
  const value = fraction === 0 ? mantissa : mantissa / POWERS[fraction]!;
  return negative ? -value : value;
}

function slowNumber(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > 400) return Number.NaN;
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** Digits only, at most 15 of them; -1 when it is anything else. */
export function readDigits(bytes: Uint8Array, from: number, to: number): number {
  if (to <= from || to - from > 15) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = bytes[i]! - 0x30;
    if (c < 0 || c > 9) return -1;
    value = value * 10 + c;
  }
  return value;
}
