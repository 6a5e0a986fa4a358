/**
 * The idempotent producer. Messages of calls that come while a request is under way share the next one; there is
 * at most one request under way for each partition, and each carries one partition only. Both are needed:
 *
 * - kafkajs takes a failed request's sequence numbers back and gives them to whoever sends next. A second request
 *   for the same partition in between would get the first one's numbers, and the broker would drop it as a repeat.
 * - When kafkajs repeats a request for several partitions it asks only brokers that have not answered yet. A
 *   partition whose leader moved to one that has answered would never be sent, and be confirmed all the same.
 *
 * A send fails only when the brokers stay away for `deliveryMs`, or when they say that repeating is no use. What
 * was under way then may have been written or not: Kafka cannot say. The next call gets a new producer identity.
 */
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Kafka, type Message, type PartitionerArgs, type Producer } from 'kafkajs';
import type { LogMessage, LogProducer } from '../../core/broker.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { assert, type ErrorDetail, KeyhoundError } from '../../core/errors.ts';
import { createClient, type KafkaLogger, REQUEST_TIMEOUT_MS, RETRY } from './connection.ts';
import { asOperating, isNotConnected, isProgrammers, rootOf } from './errors.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface ProducerOptions {
  /** Part of the client id. */
  readonly role?: string;
  readonly logger?: KafkaLogger;
  /** Default none: unpacking zstd costs a reader a third of its messages per CPU second, lz4 a tenth. */
  readonly compression?: Compression;
  /** Waits for company of the first message of a request, ms. */
  readonly lingerMs?: number;
  /** Brokers may stay away for so long before a send fails, ms. */
  readonly deliveryMs?: number;
  /** Messages given and not confirmed, bytes; beyond it `send` rejects with `producer-full`. */
  readonly bytesMax?: number;
  readonly clock?: Clock;
}

const TYPES: Readonly<Record<Compression, number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
};
const DELIVERY_MS = 120_000;
const LINGER_MS = 2;
const BYTES_MAX = 64 << 20;
/** Brokers take 1 MiB a request and partition, unless told otherwise. */
const REQUEST_BYTES_MAX = 800_000;
const MESSAGE_BYTES_MAX = 900_000;
/** kafkajs copies the list of a request once per message in it. */
const REQUEST_MESSAGES_MAX = 2000;
/** What a message takes in a request beside key and value, roughly. */
const OVERHEAD_BYTES = 24;
/** kafkajs miscounts when a partition's sequence number passes 2³¹ − 1; a new identity begins at 0. */
const SEQUENCE_MAX = 2 ** 30;

interface Call {
  readonly messages: readonly LogMessage[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Messages that still wait for a request, or for its answer. */
  left: number;
}

/** One partition: calls wait in order; `next` is the first message of the first call not yet in a request. */
interface Lane {
  readonly topic: string;
  readonly partition: number;
  readonly calls: Call[];
  next: number;
  /** A loop sends for it. */
  busy: boolean;
}

interface Request {
  readonly messages: OwnMessage[];
  /** How many messages of which call. */
  readonly parts: Array<{ readonly call: Call; readonly count: number }>;
  givenUp: boolean;
}

interface OwnMessage extends Message {
  readonly partition: number;
  readonly request: Request;
}

export class KafkaProducer implements LogProducer {
  readonly #options: Required<Omit<ProducerOptions, 'logger' | 'role'>>;
  readonly #client: Kafka;
  readonly #lanes = new Map<string, Lane>();
  #identity: Identity | undefined;
  #heldBytes = 0;
  #closing = false;
  #lastLog = '';

  constructor(config: KafkaConfig, options: ProducerOptions = {}) {
    this.#options = {
      compression: options.compression ?? 'none',
      lingerMs: options.lingerMs ?? LINGER_MS,
      deliveryMs: options.deliveryMs ?? DELIVERY_MS,
      bytesMax: options.bytesMax ?? BYTES_MAX,
      clock: options.clock ?? systemClock,
    };
    this.#client = createClient(config, {
      role: options.role ?? 'producer',
      logger: options.logger,
      onLog: (text) => {
        this.#lastLog = text;
      },
    });
  }

  /** Given and not confirmed. A caller that does not wait for `send` should stop at a part of `bytesMax`. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Last that kafkajs said. */
  get lastLog(): string {
    return this.#lastLog;
  }

  send(topic: string, partition: number, messages: readonly LogMessage[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    if (this.#closing)
      return Promise.reject(failure('the producer is closed', { code: 'producer-closed' }));
    const sizes = messages.map(sizeOf);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (Math.max(...sizes) > MESSAGE_BYTES_MAX) {
      const text = `a message of more than ${MESSAGE_BYTES_MAX} bytes`;
      return Promise.reject(failure(text, { code: 'message-too-large' }));
    }
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > this.#options.bytesMax) {
      const text = `${this.#heldBytes} bytes wait for the brokers already`;
      return Promise.reject(failure(text, { code: 'producer-full', retryable: true }));
    }
    this.#heldBytes += bytes;
    return new Promise((resolve, reject) => {
      const lane = this.#laneOf(topic, partition);
      lane.calls.push({ messages, bytes, resolve, reject, left: messages.length });
      if (!lane.busy) void this.#serve(lane);
    });
  }

  /** Waits until all that was given is confirmed, or has failed. */
  async close(): Promise<void> {
    this.#closing = true;
    while ([...this.#lanes.values()].some(({ busy }) => busy)) await delay(5);
    const identity = this.#identity;
    this.#identity = undefined;
    await identity?.end();
  }

  #laneOf(topic: string, partition: number): Lane {
    const name = `${topic}/${partition}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { topic, partition, calls: [], next: 0, busy: false };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  async #serve(lane: Lane): Promise<void> {
    lane.busy = true;
    if (this.#options.lingerMs > 0) await delay(this.#options.lingerMs);
    while (lane.calls.length > 0) {
      const request = takeRequest(lane);
      try {
        await this.#deliver(lane, request);
        for (const { call, count } of request.parts) this.#confirm(call, count);
      } catch (error) {
        // Later calls must not arrive where an earlier one is missing.
        const calls = new Set([...request.parts.map(({ call }) => call), ...lane.calls]);
        lane.calls.length = 0;
        lane.next = 0;
        const fault = asOperating(error, `send to ${lane.topic}`);
        for (const call of calls) this.#fail(call, fault);
      }
    }
    lane.busy = false;
  }

  #confirm(call: Call, count: number): void {
    call.left -= count;
    if (call.left > 0) return;
    this.#heldBytes -= call.bytes;
    call.resolve();
  }

  #fail(call: Call, error: Error): void {
    this.#heldBytes -= call.bytes;
    call.reject(error);
  }

  async #deliver(lane: Lane, request: Request): Promise<void> {
    const { clock, compression, deliveryMs } = this.#options;
    const until = clock.now() + deliveryMs;
    const identity = this.#identityFor(lane, request.messages.length);
    const { promise: late, resolve: giveUp } = Promise.withResolvers<'late'>();
    const timer = setTimeout(giveUp, deliveryMs, 'late');
    identity.users += 1;
    try {
      for (;;) {
        const sending = identity.send(lane.topic, lane.partition, request, TYPES[compression]);
        const fault = await Promise.race([sending.then(() => undefined, asError), late]);
        if (fault === undefined) return;
        if (fault === 'late') {
          sending.catch(() => {});
          throw this.#stayedAway(lane, deliveryMs);
        }
        if (!isWorthRepeating(fault) || clock.now() >= until) throw fault;
        await delay(RETRY.initialRetryTime);
      }
    } catch (error) {
      // Its numbers for this partition are in doubt from now on.
      request.givenUp = true;
      if (this.#identity === identity) this.#identity = undefined;
      identity.retired = true;
      throw error;
    } finally {
      clearTimeout(timer);
      identity.users -= 1;
      if (identity.retired && identity.users === 0) void identity.end();
    }
  }

  #identityFor(lane: Lane, count: number): Identity {
    if (this.#identity?.isSpent(lane, count)) {
      this.#identity.retired = true;
      if (this.#identity.users === 0) void this.#identity.end();
      this.#identity = undefined;
    }
    this.#identity ??= new Identity(this.#client);
    return this.#identity;
  }

  #stayedAway(lane: Lane, deliveryMs: number): KeyhoundError {
    const missing = this.#lastLog.includes('does not host this topic');
    return new KeyhoundError(
      'operating',
      `Kafka: no answer for ${deliveryMs} ms to messages for ${lane.topic}; ${this.#lastLog}`,
      {
        code: missing ? 'kafka-topic-missing' : 'kafka-unreachable',
        hint: missing ? 'Create the topics: keyhound kafka init --yes' : 'Are the brokers up?',
        retryable: true,
      },
    );
  }
}

/** A producer id with its sequence numbers: one connected producer of kafkajs. */
class Identity {
  /** No new request begins with it. */
  retired = false;
  /** Requests under way. */
  users = 0;
  readonly #producer: Producer;
  readonly #counts = new Map<Lane, number>();
  #connecting: Promise<void> | undefined;

  constructor(client: Kafka) {
    this.#producer = client.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      maxInFlightRequests: 1,
      // For ever: it is the request that is given up, in the partitioner.
      retry: { ...RETRY, initialRetryTime: 100, retries: Number.MAX_SAFE_INTEGER },
      createPartitioner: () => partitionOf,
    });
  }

  isSpent(lane: Lane, count: number): boolean {
    const sum = (this.#counts.get(lane) ?? 0) + count;
    this.#counts.set(lane, sum);
    return sum > SEQUENCE_MAX;
  }

  async send(
    topic: string,
    partition: number,
    request: Request,
    compression: number,
  ): Promise<void> {
    this.#connecting ??= this.#producer.connect();
    try {
      await this.#connecting;
    } catch (error) {
      this.#connecting = undefined;
      throw error;
    }
    const answers = await this.#producer.sendBatch({
      acks: -1,
      timeout: REQUEST_TIMEOUT_MS,
      compression,
      topicMessages: [{ topic, messages: request.messages }],
    });
    const answer = answers.find((each) => each.partition === partition);
    assert(answer?.errorCode === 0, 'kafkajs confirmed what no broker has confirmed');
  }

  async end(): Promise<void> {
    await this.#connecting?.catch(() => {});
    await this.#producer.disconnect().catch(() => {});
  }
}

/**
 * Called at every attempt: the only place where kafkajs can be made to stop repeating a request, and to say that a
 * partition does not exist (it would drop the messages, and confirm them).
 */
function partitionOf({ topic, partitionMetadata, message }: PartitionerArgs): number {
  const { partition, request } = message as OwnMessage;
  if (request.givenUp) throw unrepeatable('given up');
  if (!partitionMetadata.some(({ partitionId }) => partitionId === partition)) {
    throw unrepeatable(`${topic} has no partition ${partition}`);
  }
  return partition;
}

function unrepeatable(text: string): Error {
  return new kafkajs.KafkaJSNonRetriableError(text);
}

/** Nothing was sent, or it will be recognised as a repeat. */
function isWorthRepeating(error: Error): boolean {
  if (isProgrammers(error)) return false;
  const fault = rootOf(error);
  const { name, retriable } = fault;
  // The wait for another request to the same broker is limited in kafkajs; ours goes on.
  return retriable === true || name === 'KafkaJSLockTimeout' || isNotConnected(fault);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function failure(text: string, detail: ErrorDetail): KeyhoundError {
  return new KeyhoundError('operating', `Kafka: ${text}`, detail);
}

function sizeOf({ key, value }: LogMessage): number {
  return value.length + (key?.length ?? 0) + OVERHEAD_BYTES;
}

/** The next messages in line, of as many calls as fit. */
function takeRequest(lane: Lane): Request {
  const request: Request = { messages: [], parts: [], givenUp: false };
  let bytes = 0;
  let taken = 0;
  for (const call of lane.calls) {
    const first = lane.next;
    let at = first;
    for (; at < call.messages.length; at++) {
      const size = sizeOf(call.messages[at]!);
      const isFull =
        bytes + size > REQUEST_BYTES_MAX || request.messages.length >= REQUEST_MESSAGES_MAX;
      if (isFull && request.messages.length > 0) break;
      bytes += size;
      request.messages.push(ownMessage(call.messages[at]!, lane.partition, request));
    }
    if (at > first) request.parts.push({ call, count: at - first });
    if (at < call.messages.length) {
      lane.next = at;
      break;
    }
    lane.next = 0;
    taken += 1;
  }
  lane.calls.splice(0, taken);
  return request;
}

function ownMessage(message: LogMessage, partition: number, request: Request): OwnMessage {
  const { key, value } = message;
  return {
    key: key === null ? null : asBuffer(key),
    value: asBuffer(value),
    partition,
    request,
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
