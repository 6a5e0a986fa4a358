/** The address inside a field's bytes: quotes, port, brackets and zone id taken off. No allocation. */

/** A range of bytes, reused by its owner. */
export class Span {
  start = 0;
  end = 0;
}

const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const COLON = 0x3a;
const DOT = 0x2e;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const PERCENT = 0x25;

/**
 * Narrows bytes[start, end) to the address: `1.2.3.4:80` → `1.2.3.4`, `[::1]:80` → `::1`,
 * `fe80::1%eth0` → `fe80::1`. What is no address comes out trimmed, unchanged.
 */
export function trimAddress(bytes: Uint8Array, start: number, end: number, out: Span): void {
  let from = start;
  let to = end;
  while (from < to && isTrimmed(bytes[from]!)) from++;
  while (to > from && isTrimmed(bytes[to - 1]!)) to--;
  if (from < to && bytes[from] === OPEN) {
    let close = from + 1;
    while (close < to && bytes[close] !== CLOSE) close++;
    if (close < to) {
      from++;
      to = close;
    }
  }
  let colon = -1;
  let colons = 0;
  let dots = 0;
  let percent = -1;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte === DOT) dots++;
    else if (byte === PERCENT && percent < 0) percent = i;
    else if (byte === COLON) {
      colons++;
      colon = i;
    }
  }
  // With one colon it is a port: an IPv6 address has at least two.
  if (colons === 1 && dots > 0) to = colon;
  else if (colons > 1 && percent > from) to = percent;
  out.start = from;
  out.end = to;
}

function isTrimmed(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === QUOTE;
}
