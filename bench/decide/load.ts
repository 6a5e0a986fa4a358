/**
 * Sends requests over open connections, one at a time on each, as gateways do: `load.ts PORT closed SECONDS CLIENTS` as
 * fast as answers come, `load.ts PORT open SECONDS CLIENTS RATE` at a pace, each latency counted from when the request
 * was due. Prints one line of JSON.
 *
 * It must be cheaper than any server that it asks: requests are made beforehand, answers are read into one buffer.
 */
import { connect, type Socket } from 'node:net';
import { requestsOfKeys } from './requests.ts';

const [portText, mode, secondsText, clientsText, rateText] = process.argv.slice(2);
const seconds = Number(secondsText);
const clients = Number(clientsText);
const rate = Number(rateText);
const requests = requestsOfKeys();
const WARM_SECONDS = 1;
/** Part of each latency is up to twice that. */
const LOOK_MS = 0.05;
/** Never changes: to wait for it is to sleep. */
const NOTHING = new Int32Array(new SharedArrayBuffer(4));
/** Latencies that there is room for. */
const ROOM = mode === 'open' ? Math.ceil(rate * seconds * 2) : 0;
/** Where the first digit of the status stands, which is 2. */
const STATUS = 'HTTP/1.1 '.length;
const TWO = 0x32;
const LINE_FEED = 0x0a;

let next = 0;
let answered = 0;
let wrong = 0;
let counts = false;
const latencies = new Float64Array(ROOM);
/** How long after it was due a request was sent: what of a latency is the sender's. */
const lateness = new Float64Array(ROOM);
let measured = 0;
const idle: Client[] = [];
const answers = Buffer.alloc(65_536);

interface Client {
  readonly socket: Socket;
  dueAt: number;
  sentAt: number;
}

function send(client: Client): void {
  client.socket.write(requests[next]!);
  next = next + 1 === requests.length ? 0 : next + 1;
}

function received(client: Client, length: number): void {
  // An answer has no body and comes in one piece.
  const ends = answers[length - 1] === LINE_FEED && answers[length - 3] === LINE_FEED;
  if (answers[STATUS] !== TWO || !ends) wrong += 1;
  if (counts) answered += 1;
  if (mode === 'closed') {
    send(client);
    return;
  }
  if (counts && measured < ROOM) {
    latencies[measured] = performance.now() - client.dueAt;
    lateness[measured] = client.sentAt - client.dueAt;
    measured += 1;
  }
  idle.push(client);
  sendDue();
}

async function connected(): Promise<Client> {
  const callback = (length: number) => {
    received(client, length);
    return true;
  };
  const socket = connect({
    ...{ port: Number(portText), host: '127.0.0.1', noDelay: true },
    onread: { buffer: answers, callback },
  });
  const client: Client = { socket, dueAt: 0, sentAt: 0 };
  await new Promise((resolve) => socket.once('connect', resolve));
  return client;
}

const all = await Promise.all(Array.from({ length: clients }, connected));
let beganAt = 0;
let sent = 0;

/** What no connection is free for is sent as soon as one is. */
function sendDue(): void {
  const now = performance.now();
  while (idle.length > 0) {
    const dueAt = beganAt + (sent * 1000) / rate;
    if (dueAt > now) return;
    const client = idle.pop()!;
    client.dueAt = dueAt;
    client.sentAt = performance.now();
    sent += 1;
    send(client);
  }
}

/**
 * Looks at its sockets now and then, and is never asleep at them: a server whose write has to wake the sender pays for
 * that as much as for the rest of the answer. Timers of the event loop are too coarse for a pace, by a millisecond.
 */
function look(): void {
  if (mode === 'open') {
    Atomics.wait(NOTHING, 0, 0, LOOK_MS);
    sendDue();
  }
  setImmediate(look);
}

if (mode === 'closed') for (const client of all) send(client);
else idle.push(...all);
beganAt = performance.now();
look();
await new Promise((resolve) => setTimeout(resolve, WARM_SECONDS * 1000));
process.stdout.write('begins\n');
counts = true;
const countedAt = performance.now();
// What is late from warming up is late no more.
beganAt = countedAt;
sent = 0;
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
counts = false;
const elapsed = (performance.now() - countedAt) / 1000;
const at = (times: Float64Array, part: number) =>
  times.subarray(0, measured).toSorted()[Math.floor(part * (measured - 1))] ?? 0;
const result = {
  ...{ perSecond: answered / elapsed, wrong },
  ...{ p50Ms: at(latencies, 0.5), p99Ms: at(latencies, 0.99), late99Ms: at(lateness, 0.99) },
};
process.stdout.write(`${JSON.stringify(result)}\n`);
// The other side looks first at what this process was kept waiting.
process.stdin.on('end', () => process.exit(0)).resume();
