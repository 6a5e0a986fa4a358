/**
 * A receiver of the protocol of docs/gateways.md, as strict as one should be: the signature is checked with its own
 * few lines, the time too, and a body of another form is refused.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type FakeAnswer, type FakeRequest, type FakeServer, startFake } from './http-fake.ts';

export interface FakeLimit {
  readonly requests: number;
  readonly windowMs: number;
}
interface Held {
  readonly action: string;
  readonly rung: string;
  readonly limit: FakeLimit | null;
  readonly untilAt: string | null;
}
export interface FakeKey {
  enabled: boolean;
  limit: FakeLimit | null;
  held: Held | null;
}

export interface FakeReceiver extends FakeServer {
  readonly keys: Map<string, FakeKey>;
}

const RUNGS = ['throttle-soft', 'throttle-hard', 'suspend', 'revoke'];

/** `secret`: the bytes of it. */
export async function startReceiver(secret: Buffer, now: () => number): Promise<FakeReceiver> {
  const keys = new Map<string, FakeKey>();
  const ids = new Set<string>();
  const server = await startFake((request) => {
    if (request.method !== 'POST' || request.path !== '/keyhound') return undefined;
    const fault = signatureFault(request, secret, now());
    if (fault !== undefined) return { status: 401, json: { error: fault } };
    const id = String(request.headers['webhook-id']);
    if (ids.has(id)) return { status: 409, json: { error: 'a message that came before' } };
    ids.add(id);
    return answer(request.json, keys);
  });
  return Object.assign(server, { keys });
}

function signatureFault({ headers, text }: FakeRequest, secret: Buffer, now: number) {
  const [id, at, signatures] = ['id', 'timestamp', 'signature'].map((name) => {
    return String(headers[`webhook-${name}`] ?? '');
  });
  if (Math.abs(now / 1000 - Number(at)) > 300) return 'too old';
  const expected = createHmac('sha256', secret).update(`${id}.${at}.${text}`).digest();
  const isGood = signatures!.split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  return isGood ? undefined : 'not signed';
}

function answer(json: unknown, keys: Map<string, FakeKey>): FakeAnswer {
  const { type, timestamp, data, ...others } = json as Record<string, unknown>;
  const isWhole =
    typeof timestamp === 'string' &&
    !Number.isNaN(Date.parse(timestamp)) &&
    typeof data === 'object';
  if (!isWhole || Object.keys(others).length > 0) return { status: 400, json: { error: 'form' } };
  const about = data as Record<string, unknown>;
  switch (type) {
    case 'gateway.check':
      return { status: 200, json: { name: 'receiver', version: '1.2', rungs: RUNGS } };
    case 'gateway.list':
      return { status: 200, json: { held: heldIn(keys) } };
    case 'gateway.read':
      return stateOf(about, keys, ['key', 'credential', 'consumer']);
    case 'gateway.apply': {
      const fault = heldFault(about['held']);
      if (fault !== undefined) return { status: 400, json: { error: fault } };
      const key = keys.get(String(about['key']));
      if (key !== undefined) key.held = about['held'] as Held | null;
      return stateOf(about, keys, ['key', 'credential', 'consumer', 'held']);
    }
    default:
      return { status: 400, json: { error: 'type' } };
  }
}

function heldIn(keys: Map<string, FakeKey>): object[] {
  return [...keys].flatMap(([key, { held }]) => (held === null ? [] : [{ key, ...held }]));
}

function heldFault(held: unknown): string | undefined {
  if (held === null) return undefined;
  const { action, rung, limit, untilAt, ...others } = held as Record<string, unknown>;
  const isGood =
    Object.keys(others).length === 0 &&
    /^[a-z0-9_]{1,40}$/.test(String(action)) &&
    RUNGS.includes(String(rung)) &&
    (limit === null) === !String(rung).startsWith('throttle') &&
    (untilAt === null || !Number.isNaN(Date.parse(String(untilAt))));
  return isGood ? undefined : 'held';
}

function stateOf(
  data: Record<string, unknown>,
  keys: Map<string, FakeKey>,
  members: readonly string[],
): FakeAnswer {
  if (Object.keys(data).join() !== members.join()) return { status: 400, json: { error: 'data' } };
  const key = keys.get(String(data['key']));
  return { status: 200, json: key === undefined ? { exists: false } : { exists: true, ...key } };
}
