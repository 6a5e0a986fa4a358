/**
 * Reads batches of topic PREFIX.events (events.proto).
 *
 *   reader.open(message.value);
 *   for (let kind = reader.next(); kind !== ITEM.none; kind = reader.next()) …
 *   then the heartbeats: reader.streams with reader.latestAt(i) and reader.streamState(i)
 *
 * `open` checks all of it, so that no item is handed out of a batch that cannot be read to its end.
 */
import { type ApiEvent, createEvent } from '../event.ts';
import type { Auth, LimitedBy } from '../record.ts';
import type { SourceState } from '../source.ts';
import { DoubleColumn, WordColumn } from './columns.ts';
import { Input } from './input.ts';
import {
  ATTEMPT_FLAG,
  type Attempt,
  BATCH,
  createAttempt,
  damagedBatch,
  EXACT,
  FLAG,
  ITEM,
  ITEMS_MAX,
  type ItemKind,
  otherFormat,
  STREAM_STATES,
  type StreamIdentity,
  WIRE_FORMAT,
  type WireControl,
} from './layout.ts';
import { WIRE } from './output.ts';
import { KnownParts, Parts } from './parts.ts';
import { AttemptTable, EventTable, Order } from './tables.ts';

export class EventBatchReader {
  /** What `next` found. Reused; `event.stream` and `attempt.stream` are indexes into `streams`. */
  readonly event: ApiEvent = createEvent();
  readonly attempt: Attempt = createAttempt();
  control: WireControl = { sequence: 0, body: new Uint8Array(0) };
  /** Of the event or attempt: latest event time of its stream before it, whole seconds, or -Infinity. */
  latestSecond = Number.NEGATIVE_INFINITY;
  readonly #input = new Input();
  readonly #inner = new Input();
  readonly #parts: Parts;
  readonly #events = new EventTable();
  readonly #attempts = new AttemptTable();
  readonly #controls: WireControl[] = [];
  readonly #order = new Order();
  readonly #latestAt = new DoubleColumn();
  readonly #states = new WordColumn();
  readonly #streams: StreamIdentity[] = [];
  #nextEvent = 0;
  #nextAttempt = 0;
  #nextControl = 0;
  #nextException = 0;
  #exceptionAt = -1;

  /** `known`: shared with other readers of the process. */
  constructor(known = new KnownParts()) {
    this.#parts = new Parts(known);
  }

  /** Throws `operating` with code `event-version` or `event-damaged`; the batch before is gone then, too. */
  open(bytes: Uint8Array): void {
    this.#clear();
    try {
      this.#readParts(bytes);
      this.#readItems(bytes);
      this.#resolve();
    } catch (error) {
      this.#clear();
      throw error;
    } finally {
      this.#input.release();
      this.#inner.release();
    }
  }

  /** Streams of the batch; the same stream is the same object in every batch. */
  get streams(): readonly StreamIdentity[] {
    return this.#streams;
  }

  /** Latest event time of a stream at the end of the batch, epoch ms; -Infinity before its first event. */
  latestAt(stream: number): number {
    return this.#latestAt.values[stream]!;
  }

  /** State of a stream at the end of the batch; `live` where this version does not know it. */
  streamState(stream: number): SourceState {
    const state = STREAM_STATES[this.#states.values[stream]!];
    return state === undefined || state === 'unspecified' ? 'live' : state;
  }

  /** Events of the batch. */
  get events(): number {
    return this.#events.count;
  }

  /** The next item is in `event`, or what is given for it; in `attempt` or `control`. */
  next(event = this.event): ItemKind {
    const kind = this.#order.next();
    if (kind === ITEM.event) this.#event(event);
    else if (kind === ITEM.attempt) this.#attempt();
    else if (kind === ITEM.control) this.control = this.#controls[this.#nextControl++]!;
    else return ITEM.none;
    return kind as ItemKind;
  }

  #event(event: ApiEvent): void {
    const i = this.#nextEvent++;
    const table = this.#events;
    const parts = this.#parts;
    const strings = parts.strings.list;
    const flags = table.flags.values[i]!;
    event.attested = (flags & FLAG.attested) !== 0;
    event.mayAct = (flags & FLAG.mayAct) !== 0;
    event.fromBrowser = (flags & FLAG.fromBrowser) !== 0;
    event.auth = ((flags >> FLAG.authShift) & 3) as Auth;
    event.limitedBy = ((flags >> FLAG.limitedByShift) & 3) as LimitedBy;
    event.at = table.at.values[i]!;
    event.stream = table.stream.values[i]! - 1;
    event.position = table.position.values[i]!;
    event.key = parts.keys.list[table.key.values[i]!]!;
    event.place = parts.places.list[table.place.values[i]!]!;
    event.route = parts.routes.list[table.route.values[i]!]!;
    event.client = parts.clients.list[table.client.values[i]!]!;
    const network = parts.networks.list[table.network.values[i]!]!;
    event.network = network.code;
    event.networkId = network.id;
    event.method = strings[table.method.values[i]!]!;
    event.consumer = strings[table.consumer.values[i]!]!;
    event.environment = strings[table.environment.values[i]!]!;
    event.status = table.status.values[i]!;
    event.durationMs = table.durationMs.values[i]!;
    event.bytesIn = table.bytesIn.values[i]! - 1;
    event.bytesOut = table.bytesOut.values[i]! - 1;
    event.resource = table.resource.values[i]!;
    event.resourceNumber = table.resourceNumber.values[i]! - 1;
    event.scopeBreaches = table.scopeBreaches.values[i]!;
    event.fingerprint0 = table.fingerprint.words[2 * i]!;
    event.fingerprint1 = table.fingerprint.words[2 * i + 1]!;
    this.latestSecond = table.latestSecond.values[i]!;
    if (i === this.#exceptionAt) this.#exceptions(i, event);
  }

  #exceptions(i: number, event: ApiEvent): void {
    const { exactEvent, exactField, exactValue } = this.#events;
    while (this.#exceptionAt === i) {
      const j = this.#nextException++;
      const field = exactField.values[j];
      const value = exactValue.values[j]!;
      if (field === EXACT.status) event.status = value;
      else if (field === EXACT.bytesIn) event.bytesIn = value;
      else if (field === EXACT.bytesOut) event.bytesOut = value;
      else if (field === EXACT.resourceNumber) event.resourceNumber = value;
      const isLast = j + 1 >= exactEvent.length;
      this.#exceptionAt = isLast ? -1 : exactEvent.values[j + 1]!;
    }
  }

  #attempt(): void {
    const i = this.#nextAttempt++;
    const { attempt } = this;
    const table = this.#attempts;
    const parts = this.#parts;
    const network = parts.networks.list[table.network.values[i]!]!;
    attempt.at = table.at.values[i]!;
    attempt.network = network.code;
    attempt.networkId = network.id;
    attempt.member = table.member.values[i]!;
    attempt.failed = (table.flags.values[i]! & ATTEMPT_FLAG.failed) !== 0;
    attempt.consumer = parts.strings.list[table.consumer.values[i]!]!;
    attempt.stream = table.stream.values[i]! - 1;
    attempt.position = table.position.values[i]!;
    this.latestSecond = table.latestSecond.values[i]!;
  }

  /** Dictionaries and version, wherever they stand. */
  #readParts(bytes: Uint8Array): void {
    const input = this.#input;
    const parts = this.#parts;
    let format = 0;
    input.begin(bytes, 0, bytes.length);
    while (input.next()) {
      if (input.field === BATCH.keys) parts.keys.read(input);
      else if (input.field === BATCH.places) parts.places.read(input);
      else if (input.field === BATCH.routes) parts.routes.read(input);
      else if (input.field === BATCH.clients) parts.clients.read(input);
      else if (input.field === BATCH.networks) parts.networks.read(input);
      else if (input.field === BATCH.strings) parts.strings.read(input);
      else if (input.field === BATCH.streams) parts.streams.read(input);
      else if (input.field === BATCH.format) {
        format = input.varintField();
        if (format > WIRE_FORMAT) throw otherFormat(format);
      } else input.skip();
    }
    if (format !== WIRE_FORMAT) throw damagedBatch('it does not say its format');
    parts.settle(input);
  }

  #readItems(bytes: Uint8Array): void {
    const input = this.#input;
    input.begin(bytes, 0, bytes.length);
    while (input.next()) {
      if (input.field === BATCH.events) this.#events.read(this.#message());
      else if (input.field === BATCH.attempts) this.#attempts.read(this.#message());
      else if (input.field === BATCH.controls) this.#readControl(this.#message());
      else if (input.field === BATCH.order) this.#order.runs.read(input);
      else if (input.field === BATCH.streamLatestAt) this.#latestAt.read(input);
      else if (input.field === BATCH.streamStates) this.#states.read(input);
      else input.skip();
    }
  }

  /** The message that the field at hand holds. */
  #message(): Input {
    const input = this.#input;
    const to = input.range();
    this.#inner.begin(input.bytes, input.at, to);
    input.at = to;
    return this.#inner;
  }

  #readControl(input: Input): void {
    if (this.#controls.length >= ITEMS_MAX) throw damagedBatch('it has too many items');
    let sequence = 0;
    let body = new Uint8Array(0);
    while (input.next()) {
      if (input.field === 1 && input.wireType === WIRE.varint) sequence = input.uint();
      else if (input.field === 2) {
        const to = input.range();
        body = new Uint8Array(input.bytes.subarray(input.at, to));
        input.at = to;
      } else input.skip();
    }
    this.#controls.push({ sequence, body });
  }

  #resolve(): void {
    this.#events.resolve(this.#parts);
    this.#attempts.resolve(this.#parts);
    this.#order.resolve([this.#events.count, this.#attempts.count, this.#controls.length]);
    const { list, length } = this.#parts.streams;
    for (let i = 1; i < length; i++) this.#streams.push(list[i]!);
    this.#latestAt.complete(this.#streams.length);
    this.#states.complete(this.#streams.length);
    const { exactEvent } = this.#events;
    this.#exceptionAt = exactEvent.length === 0 ? -1 : exactEvent.values[0]!;
  }

  #clear(): void {
    this.#parts.clear();
    this.#events.clear();
    this.#attempts.clear();
    this.#controls.length = 0;
    this.#order.clear();
    this.#latestAt.clear();
    this.#states.clear();
    this.#streams.length = 0;
    this.#nextEvent = 0;
    this.#nextAttempt = 0;
    this.#nextControl = 0;
    this.#nextException = 0;
    this.#exceptionAt = -1;
  }
}
