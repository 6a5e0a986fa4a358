/**
 * The API of a made-up gateway, strict where a vendor's is: a second create under one tag is a 409, deleting what is
 * not there a 404. Faults come where the test says, before or after a write was applied.
 */
import { KeyhoundError } from '../../../core/errors.ts';

export interface FakeKey {
  enabled: boolean;
  /** Requests a minute; the operator's own, or ours where that is lower. */
  perMinute: number;
  /** What we made, by tag: only of a gateway where things are created. */
  blocks: Record<string, string>;
}

export function fakeKey(change: Partial<FakeKey> = {}): FakeKey {
  return { enabled: true, perMinute: 600, blocks: {}, ...change };
}

/** `after`: the write is applied, and nobody hears of it. */
export type FakeFault =
  | 'none'
  | 'reset'
  | 'after'
  | 'unavailable'
  | 'too-many'
  | 'not-found'
  | 'conflict'
  | 'bug';

/** One call each, as a vendor would have them. */
export interface FakeApi {
  get(subject: string): Promise<FakeKey | undefined>;
  set(subject: string, next: Pick<FakeKey, 'enabled' | 'perMinute'>): Promise<void>;
  create(subject: string, tag: string, rung: string): Promise<void>;
  delete(subject: string, tag: string): Promise<void>;
  list(): Promise<[string, FakeKey][]>;
}

export interface FakeServer {
  readonly keys: Map<string, FakeKey>;
  /** Calls that were made, in order, e.g. `get kong:a`. */
  readonly calls: string[];
  /** Asked at each call. */
  fault: (call: string) => FakeFault;
  readonly api: FakeApi;
}

export function fakeServer(): FakeServer {
  const keys = new Map<string, FakeKey>([['kong:a', fakeKey()]]);
  const calls: string[] = [];
  const keyOf = (subject: string): FakeKey => {
    const key = keys.get(subject);
    if (key === undefined) throw errorOf('not-found');
    return key;
  };
  async function call<T>(what: string, run: () => T): Promise<T> {
    calls.push(what);
    const fault = server.fault(what);
    if (fault === 'after') run();
    if (fault !== 'none') throw errorOf(fault);
    return run();
  }
  const api: FakeApi = {
    get: (subject) => call(`get ${subject}`, () => structuredClone(keys.get(subject))),
    set: (subject, { enabled, perMinute }) =>
      call(`set ${subject}`, () => {
        Object.assign(keyOf(subject), { enabled, perMinute });
      }),
    create: (subject, tag, rung) =>
      call(`create ${subject} ${tag}`, () => {
        const { blocks } = keyOf(subject);
        if (blocks[tag] !== undefined) throw errorOf('conflict');
        blocks[tag] = rung;
      }),
    delete: (subject, tag) =>
      call(`delete ${subject} ${tag}`, () => {
        const { blocks } = keyOf(subject);
        if (blocks[tag] === undefined) throw errorOf('not-found');
        delete blocks[tag];
      }),
    list: () => call('list', () => structuredClone([...keys])),
  };
  const server: FakeServer = { keys, calls, fault: () => 'none', api };
  return server;
}

export function errorOf(fault: FakeFault): Error {
  if (fault === 'bug') return new TypeError('x is not a function: secret-of-a-key');
  const [message, retryable, retryAfterMs] = {
    reset: ['the connection was reset', true, 0],
    after: ['no answer in time', true, 0],
    unavailable: ['503 Service Unavailable', true, 0],
    'too-many': ['429 Too Many Requests', true, 7000],
    'not-found': ['404 Not Found', false, 0],
    conflict: ['409 Conflict', false, 0],
    none: ['', false, 0],
  }[fault] as [string, boolean, number];
  return new KeyhoundError('operating', message, { code: 'operating', retryable, retryAfterMs });
}
