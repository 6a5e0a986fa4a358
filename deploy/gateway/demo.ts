/**
 * The API behind the demo gateway, and those who use it: the traffic model, live. Some of its keys are attacked now
 * and then. It imports nothing from npm, so that a plain Node image runs it.
 */
import { once } from 'node:events';
import { statSync, truncateSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../core/clock.ts';
import type { AttackKind, AttackSpec, Traffic, TrafficEvent } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const KEYS = 30;
const ATTACK_EVERY_MS = 10 * MINUTE_MS;
const KINDS: readonly AttackKind[] = ['stolen-key', 'error-burst', 'spike', 'enumeration'];
/** More than this many at once, and the next ones are left out: a slow gateway must not fill memory. */
const IN_FLIGHT_MAX = 64;
const BODY_BYTES_MAX = 64 * 1024;
const DELAY_MS_MAX = 2000;
/** The gateway's log lies in memory, and nothing else rotates it. */
const LOG_BYTES_MAX = 64 << 20;
const FILLER = Buffer.alloc(BODY_BYTES_MAX, 'keyhound demo ');

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort());
  const server = createServer((asked, answer) => void respond(asked, answer));
  const [host, port] = splitAddress(process.env['DEMO_LISTEN'] ?? '127.0.0.1:8090');
  server.listen(port, host);
  await once(server, 'listening');
  const gateway = new URL(process.env['DEMO_GATEWAY'] ?? 'http://127.0.0.1:8080');
  const trim = setInterval(() => trimLog(process.env['DEMO_LOG']), MINUTE_MS);
  try {
    await use(gateway, stop.signal);
  } finally {
    clearInterval(trim);
    server.close();
    server.closeAllConnections();
  }
}

/** What the model wants a request to become, it writes into headers that only this API reads. */
async function respond(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
  const number = (name: string, most: number): number =>
    Math.min(Number(asked.headers[name] ?? 0) || 0, most);
  asked.resume();
  await sleep(number('x-demo-ms', DELAY_MS_MAX));
  answer.statusCode = Math.max(200, number('x-demo-status', 599));
  answer.end(FILLER.subarray(0, number('x-demo-bytes', BODY_BYTES_MAX)));
}

async function use(gateway: URL, signal: AbortSignal): Promise<void> {
  let inFlight = 0;
  // A day at a time: a country that a key was stolen to is not new for it again.
  for (let from = systemClock.now(); !signal.aborted; from += DAY_MS) {
    for (const event of aDay(from).streamFrom(from)) {
      if (event.at >= from + DAY_MS) break;
      const wait = event.at - systemClock.now();
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      if (inFlight >= IN_FLIGHT_MAX) continue;
      inFlight++;
      send(gateway, event, () => inFlight--);
    }
  }
}

/** The same keys every day. */
function aDay(fromAt: number): Traffic {
  const attacks: AttackSpec[] = [];
  for (let at = ATTACK_EVERY_MS; at < DAY_MS; at += ATTACK_EVERY_MS) {
    const turn = attacks.length;
    attacks.push({
      kind: KINDS[turn % KINDS.length]!,
      keyIndex: (turn * 7) % KEYS,
      fromAt: fromAt + at,
      durationMs: 3 * MINUTE_MS,
      rateMin: 2,
    });
  }
  const rates = { min: 0.01, max: 0.3 };
  return createTraffic({ seed: 1, keys: KEYS, days: 1, fromAt, rates, attacks, novelty: false });
}

function send(gateway: URL, event: TrafficEvent, done: () => void): void {
  const { before, after, numbered, query } = event.route;
  const path = numbered ? `${before}${event.resource}${after}` : before;
  const call = request(new URL(query === '' ? path : `${path}?${query}`, gateway), {
    method: event.route.method,
    headers: {
      'user-agent': event.agent.text,
      // Nobody was ever given the other one: the gateway says 401.
      'x-api-key': event.status === 401 ? 'unknown' : `demo-${event.key.label}`,
      'x-forwarded-for': event.address.text,
      'x-demo-status': event.status,
      'x-demo-ms': event.durationMs,
      'x-demo-bytes': event.bytesOut,
      ...(event.origin === '' ? {} : { origin: event.origin }),
    },
    timeout: 10_000,
  });
  call.on('response', (answer) => answer.resume());
  call.on('timeout', () => call.destroy());
  // A gateway that is away answers nobody; its users try again.
  call.on('error', () => undefined);
  call.on('close', done);
  call.end();
}

function trimLog(path: string | undefined): void {
  if (path === undefined) return;
  try {
    if (statSync(path).size > LOG_BYTES_MAX) truncateSync(path, 0);
  } catch {
    // Not written yet.
  }
}

function splitAddress(address: string): [host: string, port: number] {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at), Number(address.slice(at + 1))];
}

await main();
