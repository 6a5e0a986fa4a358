/**
 * Sends requests over open connections, one at a time on each, as gateways do: `load.ts PORT closed SECONDS CLIENTS` as
 * fast as answers come, `load.ts PORT open SECONDS CLIENTS RATE` at a pace, each latency counted from when the request
 * was due. Prints one line of JSON.
 */
import { connect, type Socket } from 'node:net';
import { requestsOfKeys } from './requests.ts';

const [portText, mode, secondsText, clientsText, rateText] = process.argv.slice(2);
const seconds = Number(secondsText);
const clients = Number(clientsText);
const rate = Number(rateText);
const requests = requestsOfKeys();
const END = Buffer.from('\r\n\r\n');
const OK = Buffer.from('HTTP/1.1 200');
const WARM_SECONDS = 1;

let next = 0;
let answered = 0;
let wrong = 0;
let counts = false;
const latencies: number[] = [];
/** When requests were due that no connection was free for. */
const due: number[] = [];
const idle: Client[] = [];

interface Client {
  readonly socket: Socket;
  dueAt: number;
}

function send(client: Client, dueAt: number): void {
  client.dueAt = dueAt;
  client.socket.write(requests[next++ % requests.length]!);
}

function received(client: Client, data: Buffer): void {
  // An answer has no body and comes in one piece.
  if (!data.subarray(0, OK.length).equals(OK) || !data.subarray(-4).equals(END)) wrong += 1;
  if (counts) {
    answered += 1;
    if (mode === 'open') latencies.push(performance.now() - client.dueAt);
  }
  if (mode === 'closed') send(client, 0);
  else {
    const waiting = due.shift();
    if (waiting === undefined) idle.push(client);
    else send(client, waiting);
  }
}

const all: Client[] = await Promise.all(
  Array.from({ length: clients }, async (): Promise<Client> => {
    const socket = connect({ port: Number(portText), host: '127.0.0.1', noDelay: true });
    await new Promise((resolve) => socket.once('connect', resolve));
    const client = { socket, dueAt: 0 };
    socket.on('data', (data) => received(client, data));
    return client;
  }),
);

function pace(beganAt: number): void {
  let sent = 0;
  const tick = (): void => {
    const now = performance.now();
    for (; sent < ((now - beganAt) / 1000) * rate; sent++) {
      const dueAt = beganAt + (sent * 1000) / rate;
      const client = idle.pop();
      if (client === undefined) due.push(dueAt);
      else send(client, dueAt);
    }
    setImmediate(tick);
  };
  tick();
}

if (mode === 'closed') for (const client of all) send(client, 0);
else {
  idle.push(...all);
  pace(performance.now());
}
await new Promise((resolve) => setTimeout(resolve, WARM_SECONDS * 1000));
process.stdout.write('begins\n');
counts = true;
const beganAt = performance.now();
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
counts = false;
const elapsed = (performance.now() - beganAt) / 1000;
latencies.sort((a, b) => a - b);
const at = (part: number) => latencies[Math.floor(part * (latencies.length - 1))] ?? 0;
const result = { perSecond: answered / elapsed, wrong, p50Ms: at(0.5), p99Ms: at(0.99) };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
