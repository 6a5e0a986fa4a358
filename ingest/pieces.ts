/**
 * Lines of a container's log, cut so that a record holds all pieces of one line of the program (piece.ts).
 *
 * A record reaches from its first piece to its last. What the other stream wrote in between lies inside, and comes
 * after it as records of its own, so that positions grow. Nothing is handed on while a line is open: reading can go on
 * at `nextPosition` without knowing what came before, and the rest of a long line, which a client wrote, is not taken
 * for a line (but where a rotation has put it into a file of its own). A region of open lines longer than a record may
 * be is dropped and told as one.
 */
import type { Cutter, CutterOptions, Window } from './framing.ts';
import { createPiece, type Piece } from './piece.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const CLOSED = -1;
/** Of a line that is dropped already, or whose record is. */
const UNKNOWN = -2;

export class PieceCutter implements Cutter {
  /** Begin of the region: of the first line that is open, else of the next one. */
  nextPosition: number;
  keepFrom: number;
  readonly #recordBytesMax: number;
  readonly #piece: Piece;
  /** Up to here there is no newline behind the last line. */
  #scanned: number;
  /** Begin of the line being read. */
  #line: number;
  /** Positions of the records of the region; the end of an open one moves with its pieces. */
  #starts: number[] = [];
  #ends: number[] = [];
  /** By stream: index of its open record, CLOSED, or UNKNOWN when it is open and not kept. */
  readonly #open: [number, number] = [CLOSED, CLOSED];
  #isDropping = false;

  constructor(options: CutterOptions, framing: 'cri' | 'docker') {
    const { position } = options;
    this.nextPosition = position;
    this.keepFrom = position;
    this.#scanned = position;
    this.#line = position;
    this.#recordBytesMax = options.recordBytesMax;
    this.#piece = createPiece(framing);
  }

  cut(window: Window, ended: boolean): void {
    const { base, used } = window;
    const bytes = window.bytes.subarray(0, used);
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, this.#scanned - base);
      if (newline < 0) break;
      this.#endLine(window, newline, newline + 1);
    }
    if (ended && this.#line < base + used) this.#endLine(window, used, used);
    if (ended) this.#end(window, base + used);
    else this.#pause(window);
  }

  /** The line ends at index `end`, the next one begins at index `next`. */
  #endLine(window: Window, end: number, next: number): void {
    const { base, bytes } = window;
    const start = this.#line - base;
    this.#line = base + next;
    this.#scanned = this.#line;
    const trimmed = end > start && end > 0 && bytes[end - 1] === RETURN ? end - 1 : end;
    // A line longer than any record is no piece: its beginning may be gone, and so is its region.
    const isWhole = trimmed - start <= this.#recordBytesMax;
    if (isWhole && !isBlank(bytes, start, trimmed)) this.#add(bytes, start, trimmed, base);
    this.#isDropping ||= base + trimmed - this.nextPosition > this.#recordBytesMax;
    if (this.#isDropping) this.#forget();
    if (this.#open[0] === CLOSED && this.#open[1] === CLOSED) this.#close(window, base + trimmed);
  }

  #add(bytes: Uint8Array, start: number, end: number, base: number): void {
    const piece = this.#piece;
    if (!piece.read(bytes, start, end)) {
      this.#hold(base + start, base + end);
      return;
    }
    const open = this.#open[piece.stream as 0 | 1];
    if (open === CLOSED) this.#hold(base + start, base + end);
    else if (open >= 0) this.#ends[open] = base + end;
    if (piece.isLast) this.#open[piece.stream as 0 | 1] = CLOSED;
    else if (open === CLOSED) this.#open[piece.stream as 0 | 1] = this.#starts.length - 1;
  }

  #hold(start: number, end: number): void {
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** No line is open at position `end`: hands the region on, or tells that it is dropped. */
  #close(window: Window, end: number): void {
    const length = end - this.nextPosition;
    if (this.#isDropping) window.drop(this.nextPosition, length);
    else {
      for (const [i, start] of this.#starts.entries()) {
        window.emit(start - window.base, this.#ends[i]! - window.base);
      }
    }
    this.#starts.length = 0;
    this.#ends.length = 0;
    this.#isDropping = false;
    this.nextPosition = this.#line;
  }

  /** Keeps of the region only which streams have a line open. */
  #forget(): void {
    this.#starts.length = 0;
    this.#ends.length = 0;
    for (const stream of [0, 1] as const) {
      if (this.#open[stream] !== CLOSED) this.#open[stream] = UNKNOWN;
    }
  }

  /** No more bytes: what is unfinished is a record, for the format to judge, that reaches to the end. */
  #end(window: Window, position: number): void {
    for (const stream of [0, 1] as const) {
      const open = this.#open[stream];
      if (open >= 0) this.#ends[open] = position;
      this.#open[stream] = CLOSED;
    }
    if (this.#starts.length > 0 || this.#isDropping) this.#close(window, position);
    this.nextPosition = position;
    this.keepFrom = position;
  }

  #pause(window: Window): void {
    const end = window.base + window.used;
    this.#scanned = end;
    // One byte more than the limit, because the last may turn out to be the CR of a CRLF.
    if (end - this.nextPosition > this.#recordBytesMax + 1) {
      this.#isDropping = true;
      this.#forget();
    }
    const isLineTooLong = end - this.#line > this.#recordBytesMax + 1;
    // One byte stays, to tell a CRLF.
    if (isLineTooLong) this.keepFrom = end - 1;
    else this.keepFrom = this.#isDropping ? this.#line : this.nextPosition;
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x20) return false;
  return true;
}
