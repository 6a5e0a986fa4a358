/** Records that end with a newline (LF or CRLF). Lines of white space only are no records. */
import type { Cutter, CutterOptions, Window } from './framing.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

export class LineCutter implements Cutter {
  /** Begin of the line being read. */
  nextPosition: number;
  keepFrom: number;
  readonly #recordBytesMax: number;
  /** Up to here there is no newline. */
  #scanned: number;
  /** The line is too long already; its bytes are not kept. */
  #skipping = false;
  #lastByte = 0;

  constructor(options: CutterOptions) {
    this.nextPosition = options.position;
    this.keepFrom = options.position;
    this.#scanned = options.position;
    this.#recordBytesMax = options.recordBytesMax;
  }

  cut(window: Window, ended: boolean): void {
    const { base, used } = window;
    const bytes = window.bytes.subarray(0, used);
    let from = this.#scanned - base;
    let start = this.nextPosition - base;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, from);
      if (newline < 0) break;
      this.#line(window, start, newline);
      start = newline + 1;
      from = start;
    }
    if (ended && start < used) {
      this.#line(window, start, used);
      start = used;
    }
    this.#pause(window, start);
  }

  /** The line at [start, end); `start` is below 0 when its beginning is no longer held. */
  #line(window: Window, start: number, end: number): void {
    const { bytes } = window;
    const before = end > 0 ? bytes[end - 1]! : this.#lastByte;
    const trimmed = before === RETURN && end > start ? end - 1 : end;
    this.#skipping = false;
    if (trimmed - start > this.#recordBytesMax) {
      window.drop(window.base + start, trimmed - start);
    } else if (trimmed > start && !(bytes[start]! <= 0x20 && isBlank(bytes, start, trimmed))) {
      window.emit(start, trimmed);
    }
  }

  #pause(window: Window, start: number): void {
    const { base, bytes, used } = window;
    this.nextPosition = base + start;
    this.#scanned = base + used;
    // One byte more than the limit, because the last may turn out to be the CR of a CRLF.
    this.#skipping ||= used - start > this.#recordBytesMax + 1;
    if (this.#skipping && used > 0) this.#lastByte = bytes[used - 1]!;
    this.keepFrom = this.#skipping ? this.#scanned : this.nextPosition;
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x20) return false;
  return true;
}
