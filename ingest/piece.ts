/**
 * One line of a container's log, as the runtime writes it: a piece of what the program wrote, and whether its line ends
 * there. Runtimes break lines at 16 KiB.
 *
 *   cri    = time " " stream " " ( "P" | "F" ) [ ":" tag... ] " " piece             P: the line goes on
 *   docker = '{"log":"' piece '","stream":"' stream '"' [ ',"attrs":{…}' ] ',"time":"…"}'      no \n: it goes on
 *   stream = "stdout" | "stderr"
 *
 * All before the piece is the runtime's own, and JSON keeps the piece apart from what follows.
 */
import { skipString, viewOf } from './json-skip.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const DASH = 0x2d;
const COLON = 0x3a;
const FULL = 0x46;
const PARTIAL = 0x50;
const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;
const LETTER_T = 0x54;
const TIME_LENGTH_MIN = 20;
const STREAM_LENGTH = 6;

/** Reused. */
export abstract class Piece {
  /** 0: stdout, 1: stderr. */
  stream = 0;
  /** The program's line ends with it. */
  isLast = true;
  /** What the program wrote; in JSON still escaped. Without the line's end. */
  from = 0;
  to = 0;

  /** False when bytes[start, end) is no such line. */
  abstract read(bytes: Uint8Array, start: number, end: number): boolean;

  protected streamAt(bytes: Uint8Array, at: number): boolean {
    // They differ in their fourth letter.
    const isError = bytes[at + 3] === ERROR[3];
    const name = isError ? ERROR : OUTPUT;
    for (let k = 0; k < STREAM_LENGTH; k++) if (bytes[at + k] !== name[k]) return false;
    this.stream = isError ? 1 : 0;
    return true;
  }
}

export class CriPiece extends Piece {
  read(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes[start + 4] !== DASH || bytes[start + 10] !== LETTER_T) return false;
    const time = wordEnd(bytes, start, end);
    if (time - start < TIME_LENGTH_MIN || time + STREAM_LENGTH + 3 > end) return false;
    if (!this.streamAt(bytes, time + 1)) return false;
    const tag = time + 1 + STREAM_LENGTH + 1;
    const tagsEnd = wordEnd(bytes, tag, end);
    if (bytes[tag - 1] !== SPACE || (tagsEnd > tag + 1 && bytes[tag + 1] !== COLON)) return false;
    if (bytes[tag] !== PARTIAL && bytes[tag] !== FULL) return false;
    this.isLast = bytes[tag] === FULL;
    this.from = Math.min(end, tagsEnd + 1);
    this.to = end;
    return true;
  }
}

export class DockerPiece extends Piece {
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = viewOf(this.bytes);

  read(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    if (!startsWith(bytes, start, end, LOG)) return false;
    const from = start + LOG.length;
    const closed = skipString(bytes, this.view, from, end);
    if (closed === -1) return false;
    const to = (closed < 0 ? ~closed : closed) - 1;
    if (!startsWith(bytes, to + 1, end, STREAM)) return false;
    const stream = to + 1 + STREAM.length;
    if (!this.streamAt(bytes, stream) || bytes[stream + STREAM_LENGTH] !== QUOTE) return false;
    this.isLast = endsLine(bytes, from, to);
    this.from = from;
    this.to = this.isLast ? to - 2 : to;
    return true;
  }
}

export function createPiece(framing: 'cri' | 'docker'): Piece {
  return framing === 'cri' ? new CriPiece() : new DockerPiece();
}

/** True when the text of a JSON string ends with `\n`: not with an escaped backslash and an n. */
function endsLine(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 2 || bytes[to - 1] !== LETTER_N) return false;
  let first = to - 1;
  while (first > from && bytes[first - 1] === BACKSLASH) first--;
  return (to - 1 - first) % 2 === 1;
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== SPACE) i++;
  return i;
}

function startsWith(bytes: Uint8Array, from: number, end: number, word: Uint8Array): boolean {
  if (end - from < word.length) return false;
  for (let k = 0; k < word.length; k++) if (bytes[from + k] !== word[k]) return false;
  return true;
}

const ENCODER = new TextEncoder();
const OUTPUT = ENCODER.encode('stdout');
const ERROR = ENCODER.encode('stderr');
const LOG = ENCODER.encode('{"log":"');
const STREAM = ENCODER.encode(',"stream":"');
