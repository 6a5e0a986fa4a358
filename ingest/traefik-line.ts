/**
 * Reads a line of Traefik's common format:
 *
 *   line    = host " - " user " [" time "] " request " " status " " size " " referer " " agent " " count " "
 *             router " " url " " duration "ms"
 *   request, referer, agent, router, url = '"' text '"'
 *
 * Traefik escapes nothing: a user name, a query, a referer or an agent may hold quotes. Whoever writes one adds to the
 * ten of a line and takes none away, so a line with ten can be read in one way only, and any other is refused.
 */
import { FIELD, type RecordDraft } from '../core/record.ts';
import { splitRequest } from './clf-scan.ts';
import { readDigits } from './numbers.ts';
import type { TimeReader } from './time.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const DASH = 0x2d;
const DOT = 0x2e;
const COLON = 0x3a;
const QUOTES = 10;
const TIME_LENGTH = 26;

export class TraefikLine {
  private readonly quotes = new Int32Array(QUOTES);
  /** Range of the user name in the bytes; from -1 when there is none. */
  userFrom = -1;
  userTo = -1;
  /** A service was asked: the line has its URL. */
  reachedOrigin = false;

  /** Fills the draft but for the user; false when the line is none of this format. */
  read(
    bytes: Uint8Array,
    start: number,
    end: number,
    draft: RecordDraft,
    time: TimeReader,
  ): boolean {
    const { quotes } = this;
    if (!this.findQuotes(bytes, start, end)) return false;
    const [request, requestEnd, referer, refererEnd, agent, agentEnd] = quotes;
    const [, , , , , , router, routerEnd, url, urlEnd] = quotes;
    if (!this.readHead(bytes, start, request!, draft, time)) return false;
    if (!isGap(bytes, refererEnd!, agent!) || !isGap(bytes, routerEnd!, url!)) return false;
    if (!readNumbers(bytes, requestEnd! + 1, referer!, draft)) return false;
    if (bytes[agentEnd! + 1] !== SPACE || bytes[router! - 1] !== SPACE) return false;
    if (readDigits(bytes, agentEnd! + 2, router! - 1) < 0) return false;
    draft.durationMs = milliseconds(bytes, urlEnd! + 1, end);
    if (draft.durationMs < 0) return false;
    this.reachedOrigin = !(urlEnd! - url! === 2 && bytes[url! + 1] === DASH);
    splitRequest(bytes, request! + 1, requestEnd!, 0, draft);
    put(bytes, draft, FIELD.userAgent, agent! + 1, agentEnd!);
    put(bytes, draft, FIELD.route, router! + 1, routerEnd!);
    return true;
  }

  private findQuotes(bytes: Uint8Array, start: number, end: number): boolean {
    let found = 0;
    for (let i = start; i < end; i++) {
      if (bytes[i] !== QUOTE) continue;
      if (found === QUOTES) return false;
      this.quotes[found++] = i;
    }
    return found === QUOTES;
  }

  /** `host - user [time] ` before the first quote. A host is an address, or the list of X-Forwarded-For. */
  private readHead(
    bytes: Uint8Array,
    start: number,
    quote: number,
    draft: RecordDraft,
    time: TimeReader,
  ): boolean {
    const timeFrom = quote - 2 - TIME_LENGTH;
    if (timeFrom - 2 <= start || bytes[quote - 1] !== SPACE || bytes[quote - 2] !== 0x5d)
      return false;
    if (bytes[timeFrom - 1] !== 0x5b || bytes[timeFrom - 2] !== SPACE) return false;
    const headEnd = timeFrom - 2;
    let host = start;
    while (host < headEnd && isAddressByte(bytes[host]!)) host++;
    while (host > start && bytes[host - 1] === SPACE) host--;
    if (host === start || !isBetween(bytes, host, headEnd)) return false;
    this.userFrom = host + 3;
    this.userTo = headEnd;
    if (this.userTo - this.userFrom === 1 && bytes[this.userFrom] === DASH) this.userFrom = -1;
    draft.at = time.clf(bytes, timeFrom, timeFrom + TIME_LENGTH);
    put(bytes, draft, FIELD.clientAddress, start, host);
    return true;
  }
}

/** ` - ` at the end of the host, with something behind it, and nowhere else: else two could be told apart by nobody. */
function isBetween(bytes: Uint8Array, host: number, end: number): boolean {
  let count = 0;
  for (let i = host; i + 3 < end; i++) {
    if (bytes[i] === SPACE && bytes[i + 1] === DASH && bytes[i + 2] === SPACE) count++;
  }
  return (
    count === 1 && bytes[host] === SPACE && bytes[host + 1] === DASH && bytes[host + 2] === SPACE
  );
}

/** ` status size `, either of them `-`. */
function readNumbers(bytes: Uint8Array, from: number, to: number, draft: RecordDraft): boolean {
  if (bytes[from] !== SPACE || bytes[to - 1] !== SPACE) return false;
  let gap = from + 1;
  while (gap < to && bytes[gap] !== SPACE) gap++;
  const status = numberOrDash(bytes, from + 1, gap);
  const size = numberOrDash(bytes, gap + 1, to - 1);
  if (status === undefined || size === undefined) return false;
  draft.status = status >= 100 && status <= 599 ? status : 0;
  draft.bytesOut = size;
  return true;
}

/** -1 for a dash, undefined for what is neither. */
function numberOrDash(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (to - from === 1 && bytes[from] === DASH) return -1;
  const value = readDigits(bytes, from, to);
  return value < 0 ? undefined : value;
}

/** ` 4ms` to the end of the line; -1 for anything else. */
function milliseconds(bytes: Uint8Array, from: number, end: number): number {
  if (bytes[from] !== SPACE || bytes[end - 2] !== 0x6d || bytes[end - 1] !== 0x73) return -1;
  return readDigits(bytes, from + 1, end - 2);
}

function isGap(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from === 2 && bytes[from + 1] === SPACE;
}

/** Hexadecimal digits and what stands between them and between addresses. */
function isAddressByte(c: number): boolean {
  if (c >= 0x30 && c <= 0x39) return true;
  const letter = c | 0x20;
  if (letter >= 0x61 && letter <= 0x66) return true;
  return c === DOT || c === COLON || c === COMMA || c === SPACE || c === 0x5b || c === 0x5d;
}

function put(bytes: Uint8Array, draft: RecordDraft, field: number, from: number, to: number): void {
  if (to === from || (to - from === 1 && bytes[from] === DASH)) return;
  draft.start[field] = from;
  draft.end[field] = to;
}
