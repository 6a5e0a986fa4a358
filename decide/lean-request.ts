/**
 * A request that does not build an object of its headers: `rawHeaders` is what is read here, and node:http itself asks
 * for a few names only, on every request. The object costs as much as all that the endpoint does with the headers.
 */
import { IncomingMessage } from 'node:http';

export class LeanRequest extends IncomingMessage {}

/** Lengths of what node:http asks for: expect, content-length, transfer-encoding. */
const ASKED: ReadonlyMap<number, string> = new Map(
  ['expect', 'content-length', 'transfer-encoding'].map((name) => [name.length, name]),
);
const NONE = Object.freeze(Object.create(null) as NodeJS.Dict<string>);

const whole = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'headers')!;

/** All of them where there is one that node:http asks for, otherwise none. */
Object.defineProperty(LeanRequest.prototype, 'headers', {
  get(this: IncomingMessage) {
    return isAsked(this.rawHeaders) ? whole.get!.call(this) : NONE;
  },
  set(this: IncomingMessage, headers: unknown) {
    whole.set!.call(this, headers);
  },
});

function isAsked(raw: readonly string[]): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const { length } = name;
    if (length !== 6 && length !== 14 && length !== 17) continue;
    if (ASKED.get(length) === name.toLowerCase()) return true;
  }
  return false;
}

/** For `createServer`. Most requests have no body, and those that have say so. */
export const LEAN_OPTIONS = Object.freeze({
  optimizeEmptyRequests: true,
  requireHostHeader: false,
  IncomingMessage: LeanRequest,
});
