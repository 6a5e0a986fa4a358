/**
 * Cuts the bytes of one TCP connection into syslog messages (RFC 6587):
 *
 *   stream        = octet-counted... | line...
 *   octet-counted = length " " message        length: decimal, of the message in bytes
 *   line          = message LF
 *
 * The first bytes of a connection say which; it stays so, or a client could change it by what it makes the gateway
 * log. Memory: one message, and one chunk. A longer message is dropped while it is read.
 */

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const LESS = 0x3c;
/** A length has no more digits; 9,999,999 bytes are far more than any message. */
const LENGTH_DIGITS_MAX = 7;

export interface FrameHandler {
  /** Valid only during the call. */
  message(bytes: Uint8Array, start: number, end: number): void;
  /** A message of this many bytes was dropped. */
  tooLong(bytes: number): void;
}

type Mode = 'unknown' | 'counted' | 'lines' | 'broken';

export class SyslogFrames {
  /** No sense can be made of what comes: the connection is to be closed. */
  get isBroken(): boolean {
    return this.#mode === 'broken';
  }
  readonly #bytesMax: number;
  readonly #handler: FrameHandler;
  #mode: Mode = 'unknown';
  /** The begin of a message whose end has not come. */
  #held: Uint8Array = EMPTY;
  /** Of a message that is too long: bytes dropped so far, and (counted) bytes still to come. */
  #dropped = 0;
  #toDrop = 0;

  constructor(bytesMax: number, handler: FrameHandler) {
    this.#bytesMax = bytesMax;
    this.#handler = handler;
  }

  /** Bytes of a message that is not whole, dropped ones included. */
  get heldBytes(): number {
    return this.#held.length + this.#dropped;
  }

  /** Of those, what is in memory. */
  get keptBytes(): number {
    return this.#held.length;
  }

  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = Buffer.concat([this.#held, chunk]);
      this.#held = EMPTY;
    }
    if (this.#mode === 'unknown') this.#mode = modeOf(bytes);
    let at = 0;
    while (at < bytes.length && this.#mode !== 'broken' && this.#mode !== 'unknown') {
      const next = this.#mode === 'counted' ? this.#counted(bytes, at) : this.#line(bytes, at);
      if (next < 0) break;
      at = next;
    }
    if (this.#mode === 'broken') return;
    // A copy: the chunk belongs to the socket.
    this.#held = at === bytes.length ? EMPTY : Uint8Array.prototype.slice.call(bytes, at);
  }

  /** Handles the message at `at` and answers the index after it; -1 when it is not whole. */
  #counted(bytes: Uint8Array, at: number): number {
    if (this.#toDrop > 0) {
      const dropped = Math.min(this.#toDrop, bytes.length - at);
      this.#toDrop -= dropped;
      this.#dropped += dropped;
      if (this.#toDrop === 0) this.#endDrop();
      return at + dropped;
    }
    let length = 0;
    let i = at;
    for (; i < bytes.length && bytes[i] !== SPACE; i++) {
      const digit = bytes[i]! - 0x30;
      // Some senders put a line's end between messages, too.
      if (bytes[i] === LINE_FEED && i === at) return at + 1;
      if (digit < 0 || digit > 9 || i - at >= LENGTH_DIGITS_MAX || (i === at && digit === 0)) {
        this.#mode = 'broken';
        return -1;
      }
      length = length * 10 + digit;
    }
    if (i === bytes.length) return -1;
    if (i === at) {
      this.#mode = 'broken';
      return -1;
    }
    const from = i + 1;
    if (length > this.#bytesMax) {
      this.#toDrop = length;
      return from;
    }
    if (from + length > bytes.length) return -1;
    this.#handler.message(bytes, from, from + length);
    return from + length;
  }

  #line(bytes: Uint8Array, at: number): number {
    const end = bytes.indexOf(LINE_FEED, at);
    if (end < 0) {
      if (bytes.length - at <= this.#bytesMax && this.#dropped === 0) return -1;
      this.#dropped += bytes.length - at;
      return bytes.length;
    }
    if (this.#dropped > 0 || end - at > this.#bytesMax) {
      this.#dropped += end - at;
      this.#endDrop();
    } else if (end > at) this.#handler.message(bytes, at, end);
    return end + 1;
  }

  #endDrop(): void {
    const bytes = this.#dropped;
    this.#dropped = 0;
    this.#handler.tooLong(bytes);
  }
}

/** Counted: `length <`, since every message begins with its priority. */
function modeOf(bytes: Uint8Array): Mode {
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]!;
    if (c === SPACE && i > 0) {
      if (i + 1 === bytes.length) return 'unknown';
      return bytes[i + 1] === LESS ? 'counted' : 'lines';
    }
    if (c < 0x30 || c > 0x39 || i >= LENGTH_DIGITS_MAX) return 'lines';
  }
  return 'unknown';
}

const EMPTY = new Uint8Array(0);
