/**
 * Syslog over UDP and TCP: gateways send their log here, a record a message, in any of the formats.
 *
 * What was received cannot be asked for again, so it goes the way of the HTTP intake: decoded at once, and into the
 * spool, where no crash can lose it. What is in memory before that (a spool commit, about 10 ms) is lost by one,
 * as syslog has no answer to say so. Memory is bounded: while the spool is full TCP is not read on, and the sender
 * has to wait; UDP cannot wait, and what finds no room is counted as lost.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyhoundError } from '../../core/errors.ts';
import type { Intake } from '../intake.ts';
import { SyslogFrames } from '../syslog-frames.ts';
import { kernelDrops, SequenceGaps, type SyslogLosses } from '../syslog-losses.ts';
import { SyslogMessage } from '../syslog-message.ts';
import { type QueueLimits, SyslogQueue } from '../syslog-queue.ts';

export interface SyslogAddress {
  readonly transport: 'udp' | 'tcp';
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface SyslogOptions {
  readonly listen: SyslogAddress;
  readonly intake: Intake;
  /** Longest message, bytes; at most 256 KiB count. */
  readonly recordBytesMax: number;
  /** TCP: further connections are refused. Default 64. */
  readonly connectionsMax?: number | undefined;
  readonly limits?: Partial<QueueLimits> | undefined;
  /** TCP: how long to wait before the spool is tried again, ms. Default 200. */
  readonly retryMs?: number | undefined;
  /** UDP: receive buffer asked of the kernel, which may give less. Default 8 MiB. */
  readonly socketBytes?: number | undefined;
  /** Something failed that is not the sender's doing. */
  onError?(error: unknown): void;
}

export interface SyslogListener {
  /** E.g. `udp://127.0.0.1:5514`. */
  readonly url: string;
  readonly port: number;
  losses(): SyslogLosses;
  /** TCP: connections refused because there were too many. */
  readonly refused: number;
  /** Receives nothing more, keeps what was received, and stops. Again is harmless. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 64;
const MESSAGE_BYTES_MAX = 256 << 10;
/** About a second of a busy gateway. */
const SOCKET_BYTES = 8 << 20;
const RETRY_MS = 200;

/** Listens. Rejects with an `operating` error with code `listen-failed` when the address cannot be had. */
export function startSyslog(options: SyslogOptions): Promise<SyslogListener> {
  const receiver = new Receiver(options);
  return options.listen.transport === 'udp' ? listenUdp(receiver) : listenTcp(receiver);
}

/** Whether the address can be had: takes it, and lets it go. Rejects as `startSyslog` does. */
export async function tryListen(listen: SyslogAddress): Promise<void> {
  const { host, port } = listen;
  const socket =
    listen.transport === 'tcp'
      ? createServer()
      : createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' });
  await bound(listen, socket, () => {
    if (socket instanceof Server) socket.listen({ host, port, exclusive: true });
    else socket.bind({ address: host, port, exclusive: true });
  });
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}

/** What both transports share: messages into the queue, the queue into the spool. */
class Receiver {
  readonly options: SyslogOptions;
  readonly bytesMax: number;
  readonly queue: SyslogQueue;
  readonly gaps = new SequenceGaps();
  full = 0;
  torn = 0;
  readonly #message = new SyslogMessage();
  readonly #stopped = new AbortController();
  #hasFailed = false;

  constructor(options: SyslogOptions) {
    this.options = options;
    this.bytesMax = Math.min(options.recordBytesMax, MESSAGE_BYTES_MAX);
    const retries = options.listen.transport === 'tcp';
    this.queue = new SyslogQueue({
      limits: options.limits ?? {},
      keep: (records, from, to) => this.#keep(records, from, to, retries),
    });
  }

  /** Takes a message; false, and counted, when there is no room and `mayDrop`. */
  take(bytes: Uint8Array, start: number, end: number, peer: string, mayDrop: boolean): boolean {
    const message = this.#message;
    message.read(bytes, start, end);
    if (message.sequence > 0) {
      const { senderFrom, senderTo } = message;
      const sender = Buffer.from(
        bytes.buffer,
        bytes.byteOffset + senderFrom,
        senderTo - senderFrom,
      );
      this.gaps.seen(`${peer} ${sender.toString('latin1')}`, message.sequence);
    }
    // Nothing after the header: a keep-alive.
    if (message.from >= message.to) return true;
    if (mayDrop && this.queue.isFull) {
      this.full++;
      return false;
    }
    this.queue.add(bytes, message.from, message.to);
    return true;
  }

  tooLong(bytes: number): void {
    this.options.intake.dropped(bytes);
  }

  /** What is waiting gets a last chance; then nothing is tried again. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.queue.drained();
  }

  async #keep(
    records: Parameters<Intake['takeCut']>[0],
    from: number,
    to: number,
    retries: boolean,
  ): Promise<void> {
    const { intake, onError } = this.options;
    const { signal } = this.#stopped;
    for (;;) {
      try {
        await intake.takeCut(records, from, to);
        this.#hasFailed = false;
        return;
      } catch (error) {
        const isFull = error instanceof KeyhoundError && error.code === 'spool-full';
        if (!isFull && !this.#hasFailed) onError?.(error);
        if (!isFull) this.#hasFailed = true;
        const mayMend = error instanceof KeyhoundError && error.retryable;
        if (!retries || !mayMend || signal.aborted) {
          this.full += to - from;
          return;
        }
      }
      await sleep(this.options.retryMs ?? RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  losses(kernel: number | undefined): SyslogLosses {
    return { full: this.full, kernel, missing: this.gaps.missing, torn: this.torn };
  }
}

async function listenUdp(receiver: Receiver): Promise<SyslogListener> {
  const { host, port } = receiver.options.listen;
  const isV6 = host.includes(':');
  const recvBufferSize = receiver.options.socketBytes ?? SOCKET_BYTES;
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', recvBufferSize });
  socket.on('message', (message, { address }) => {
    if (message.length > receiver.bytesMax) receiver.tooLong(message.length);
    else receiver.take(message, 0, message.length, address, true);
  });
  await bound(receiver.options.listen, socket, () => socket.bind({ address: host, port }));
  socket.on('error', (error) => receiver.options.onError?.(error));
  const address = socket.address();
  return {
    url: `udp://${nameOf(host)}:${address.port}`,
    port: address.port,
    refused: 0,
    losses: () => receiver.losses(kernelDrops(address.address, address.port)),
    close: onlyOnce(async () => {
      await new Promise<void>((resolve) => socket.close(resolve));
      await receiver.stop();
    }),
  };
}

async function listenTcp(receiver: Receiver): Promise<SyslogListener> {
  const { host, port } = receiver.options.listen;
  const connections = new Connections(receiver);
  const server = createServer((socket) => connections.add(socket));
  server.maxConnections = receiver.options.connectionsMax ?? CONNECTIONS_MAX;
  let refused = 0;
  server.on('drop', () => refused++);
  await bound(receiver.options.listen, server, () => server.listen({ host, port }));
  server.on('error', (error) => receiver.options.onError?.(error));
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `tcp://${nameOf(host)}:${own}`,
    port: own,
    get refused() {
      return refused;
    },
    losses: () => receiver.losses(undefined),
    close: onlyOnce(async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.end();
      await closed;
      await receiver.stop();
    }),
  };
}

/** The TCP connections: read while the queue has room, all of them held while it has none. */
class Connections {
  readonly #receiver: Receiver;
  readonly #sockets = new Set<Socket>();
  #isHeld = false;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  add(socket: Socket): void {
    const receiver = this.#receiver;
    const peer = socket.remoteAddress ?? '';
    const frames = new SyslogFrames(receiver.bytesMax, {
      message: (bytes, start, end) => void receiver.take(bytes, start, end, peer, false),
      tooLong: (bytes) => receiver.tooLong(bytes),
    });
    this.#sockets.add(socket);
    socket.on('data', (chunk) => {
      frames.push(chunk);
      if (frames.isBroken) socket.destroy();
      else if (receiver.queue.isFull) void this.#hold();
    });
    // A sender that goes away in the middle of a message is no fault of ours; it is counted below.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (frames.isBroken || frames.heldBytes > 0) receiver.torn++;
    });
    if (this.#isHeld) socket.pause();
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #hold(): Promise<void> {
    if (this.#isHeld) return;
    this.#isHeld = true;
    for (const socket of this.#sockets) socket.pause();
    await this.#receiver.queue.drained();
    this.#isHeld = false;
    for (const socket of this.#sockets) socket.resume();
  }
}

async function bound(
  { transport, host, port }: SyslogAddress,
  listener: UdpSocket | Server,
  start: () => void,
): Promise<void> {
  try {
    const listening = once(listener, 'listening');
    start();
    await listening;
  } catch (cause) {
    listener.close();
    throw new KeyhoundError(
      'operating',
      `cannot listen on ${transport}://${nameOf(host)}:${port}`,
      {
        code: 'listen-failed',
        hint: 'Is another syslog daemon there? Ports below 1024 need privileges; `listen` of the source sets it.',
        cause,
      },
    );
  }
}

/** A second call waits for the first. */
function onlyOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

function nameOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
