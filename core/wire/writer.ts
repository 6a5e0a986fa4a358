/**
 * Writes batches of topic PREFIX.events (events.proto): one writer for each partition. Its buffers are reused; an
 * item costs no allocation but for the first use of a part in a batch.
 */
import { assert } from '../errors.ts';
import { type ApiEvent, NO_KEY, UNKNOWN_CLIENT, UNKNOWN_PLACE, UNKNOWN_ROUTE } from '../event.ts';
import {
  Dictionary,
  Networks,
  writeClient,
  writeKey,
  writePlace,
  writeRoute,
  writeStream,
  writeText,
} from './dictionary.ts';
import {
  AMOUNT_MAX,
  ATTEMPT,
  ATTEMPT_FLAG,
  type Attempt,
  BATCH,
  EVENT,
  EXACT,
  FLAG,
  ITEM,
  ITEMS_MAX,
  STATUS_MAX,
  STREAM_STATES,
  WIRE_FORMAT,
  type WireControl,
  type WireStream,
} from './layout.ts';
import { Output, WIRE } from './output.ts';

/** Exceptions of one event, at most. */
const EXCEPTIONS_MAX = Object.keys(EXACT).length;
const FULL = `a batch holds at most ${ITEMS_MAX} items`;

/** Columns of one table, by field number; what a stream's item before had. */
class Table {
  readonly columns: readonly Output[];
  count = 0;
  readonly #positions: number[] = [];
  readonly #seconds: number[] = [];

  constructor(fields: number) {
    this.columns = Array.from({ length: fields + 1 }, () => new Output());
  }

  /** Stream, position and latest second; true when the stream had no event before. */
  place(stream: number, position: number, latestSecond: number): boolean {
    const { columns } = this;
    while (this.#positions.length <= stream) {
      this.#positions.push(0);
      this.#seconds.push(0);
    }
    columns[EVENT.stream]!.uint(stream);
    columns[EVENT.position]!.sint(position - this.#positions[stream]!);
    this.#positions[stream] = position;
    if (latestSecond === Number.NEGATIVE_INFINITY) {
      columns[EVENT.latestSecond]!.sint(0);
      return true;
    }
    columns[EVENT.latestSecond]!.sint(latestSecond - this.#seconds[stream]!);
    this.#seconds[stream] = latestSecond;
    return false;
  }

  get bytes(): number {
    let bytes = 0;
    for (const column of this.columns) bytes += column.length;
    return bytes;
  }

  /** The table as a field; columns of nothing but 0 are left out. */
  write(field: number, scratch: Output, out: Output): void {
    if (this.count === 0) return;
    scratch.clear();
    for (let column = 1; column < this.columns.length; column++) {
      const { bytes, length, used } = this.columns[column]!;
      if (used || column === EVENT.at) scratch.field(column, bytes, length);
    }
    out.field(field, scratch.bytes, scratch.length);
  }

  clear(): void {
    for (const column of this.columns) column.clear();
    this.count = 0;
    this.#positions.length = 0;
    this.#seconds.length = 0;
  }
}

export class EventBatchWriter {
  readonly #events = new Table(EVENT.exactValue);
  readonly #attempts = new Table(ATTEMPT.consumer);
  readonly #controls = new Output();
  #controlCount = 0;
  readonly #order = new Output();
  #exceptions = 0;
  #kind: number = ITEM.none;
  #run = 0;
  readonly #streams = new Dictionary<WireStream | undefined>(
    BATCH.streams,
    undefined,
    (out, stream) => {
      this.#streamList.push(stream!);
      writeStream(out, stream!);
    },
  );
  readonly #streamList: WireStream[] = [];
  readonly #keys = new Dictionary(BATCH.keys, NO_KEY, writeKey);
  readonly #places = new Dictionary(BATCH.places, UNKNOWN_PLACE, writePlace);
  readonly #routes = new Dictionary(BATCH.routes, UNKNOWN_ROUTE, writeRoute);
  readonly #clients = new Dictionary(BATCH.clients, UNKNOWN_CLIENT, writeClient);
  readonly #networks = new Networks(BATCH.networks);
  readonly #strings = new Dictionary<string>(BATCH.strings, '', writeText);
  readonly #dictionaries = [
    this.#streams,
    this.#keys,
    this.#places,
    this.#routes,
    this.#clients,
    this.#networks,
    this.#strings,
  ];
  readonly #out = new Output();
  readonly #scratch = new Output();

  /** Size of the batch at hand, bytes; a few more are added when it is taken. */
  get bytes(): number {
    let bytes = this.#events.bytes + this.#attempts.bytes + this.#controls.length;
    for (const { out } of this.#dictionaries) bytes += out.length;
    return bytes + 9 * this.#streamList.length;
  }

  get events(): number {
    return this.#events.count;
  }

  /** Events, attempts and control records of the batch at hand. */
  get items(): number {
    return this.#events.count + this.#attempts.count + this.#controlCount;
  }

  /** No more can be added before it is taken. */
  get isFull(): boolean {
    return (
      this.items >= ITEMS_MAX ||
      this.#exceptions > ITEMS_MAX - EXCEPTIONS_MAX ||
      this.#streamList.length >= ITEMS_MAX
    );
  }

  /**
   * `latestSecond`: latest event time of the stream before this event, whole seconds; -Infinity when there was none.
   * The event's own stream index is not written: `stream` stands for it.
   */
  addEvent(event: ApiEvent, stream: WireStream, latestSecond: number): void {
    this.#item(ITEM.event);
    const table = this.#events;
    const { columns } = table;
    const first = table.place(this.#streams.index(stream), event.position, latestSecond);
    columns[EVENT.flags]!.uint(
      (event.attested ? FLAG.attested : 0) |
        (event.mayAct ? FLAG.mayAct : 0) |
        (event.fromBrowser ? FLAG.fromBrowser : 0) |
        (event.auth << FLAG.authShift) |
        (event.limitedBy << FLAG.limitedByShift) |
        (first ? FLAG.first : 0),
    );
    columns[EVENT.at]!.double(event.at);
    columns[EVENT.key]!.uint(this.#keys.index(event.key));
    columns[EVENT.place]!.uint(this.#places.index(event.place));
    columns[EVENT.route]!.uint(this.#routes.index(event.route));
    columns[EVENT.client]!.uint(this.#clients.index(event.client));
    columns[EVENT.network]!.uint(this.#networks.index(event.networkId, event.network));
    columns[EVENT.method]!.uint(this.#strings.index(event.method));
    columns[EVENT.consumer]!.uint(this.#strings.index(event.consumer));
    columns[EVENT.environment]!.uint(this.#strings.index(event.environment));
    this.#status(event.status);
    columns[EVENT.durationMs]!.double(event.durationMs);
    this.#amount(EVENT.bytesIn, EXACT.bytesIn, event.bytesIn);
    this.#amount(EVENT.bytesOut, EXACT.bytesOut, event.bytesOut);
    columns[EVENT.resource]!.fixed32(event.resource);
    this.#amount(EVENT.resourceNumber, EXACT.resourceNumber, event.resourceNumber);
    columns[EVENT.scopeBreaches]!.uint(event.scopeBreaches);
    columns[EVENT.fingerprint]!.fixed32(event.fingerprint0);
    columns[EVENT.fingerprint]!.fixed32(event.fingerprint1);
    table.count++;
  }

  /** The attempt's own stream index is not written: `stream` stands for it. */
  addAttempt(attempt: Attempt, stream: WireStream, latestSecond: number): void {
    this.#item(ITEM.attempt);
    const table = this.#attempts;
    const { columns } = table;
    const first = table.place(this.#streams.index(stream), attempt.position, latestSecond);
    columns[ATTEMPT.flags]!.uint(
      (attempt.failed ? ATTEMPT_FLAG.failed : 0) | (first ? ATTEMPT_FLAG.first : 0),
    );
    columns[ATTEMPT.at]!.double(attempt.at);
    columns[ATTEMPT.network]!.uint(this.#networks.index(attempt.networkId, attempt.network));
    columns[ATTEMPT.member]!.fixed32(attempt.member);
    columns[ATTEMPT.consumer]!.uint(this.#strings.index(attempt.consumer));
    table.count++;
  }

  addControl({ sequence, body }: WireControl): void {
    this.#item(ITEM.control);
    const out = this.#controls;
    out.tag(BATCH.controls, WIRE.bytes);
    const start = out.begin();
    out.tag(1, WIRE.varint);
    out.uint(sequence);
    out.field(2, body, body.length);
    out.end(start);
    this.#controlCount++;
  }

  /** The batch tells how far the stream is when it is taken, also without an item of it. */
  heartbeat(stream: WireStream): void {
    assert(!this.isFull, FULL);
    this.#streams.index(stream);
  }

  /** The batch at hand, for the caller to keep, and begins another; undefined when there is nothing in it. */
  take(): Uint8Array | undefined {
    if (this.#streamList.length === 0 && this.items === 0) return undefined;
    const out = this.#out;
    out.clear();
    out.tag(BATCH.format, WIRE.varint);
    out.uint(WIRE_FORMAT);
    for (const dictionary of this.#dictionaries) {
      out.append(dictionary.out.bytes, dictionary.out.length);
    }
    this.#heartbeats(out);
    this.#events.write(BATCH.events, this.#scratch, out);
    this.#attempts.write(BATCH.attempts, this.#scratch, out);
    out.append(this.#controls.bytes, this.#controls.length);
    this.#endRun();
    if (this.#order.length > 0) out.field(BATCH.order, this.#order.bytes, this.#order.length);
    const taken = out.bytes.slice(0, out.length);
    this.#clear();
    return taken;
  }

  #heartbeats(out: Output): void {
    if (this.#streamList.length === 0) return;
    const scratch = this.#scratch;
    scratch.clear();
    for (const { latestAt } of this.#streamList) scratch.double(latestAt);
    out.field(BATCH.streamLatestAt, scratch.bytes, scratch.length);
    scratch.clear();
    for (const { state } of this.#streamList) scratch.uint(STREAM_STATES.indexOf(state));
    out.field(BATCH.streamStates, scratch.bytes, scratch.length);
  }

  #item(kind: number): void {
    assert(!this.isFull, FULL);
    if (kind !== this.#kind) {
      this.#endRun();
      this.#kind = kind;
      this.#run = 0;
    }
    this.#run++;
  }

  #endRun(): void {
    if (this.#run > 0) this.#order.uint(4 * this.#run + this.#kind);
  }

  #status(status: number): void {
    const isWhole = status >= 0 && status <= STATUS_MAX && status === Math.floor(status);
    const isPlain = isWhole && !Object.is(status, -0);
    this.#events.columns[EVENT.status]!.uint(isPlain ? status : 0);
    if (!isPlain) this.#exact(EXACT.status, status);
  }

  #amount(column: number, field: number, value: number): void {
    const isWhole = value >= -1 && value <= AMOUNT_MAX && value === Math.floor(value);
    const isPlain = isWhole && !Object.is(value, -0);
    this.#events.columns[column]!.uint(isPlain ? value + 1 : 0);
    if (!isPlain) this.#exact(field, value);
  }

  #exact(field: number, value: number): void {
    const { columns, count } = this.#events;
    this.#exceptions++;
    columns[EVENT.exactEvent]!.uint(count);
    columns[EVENT.exactField]!.uint(field);
    columns[EVENT.exactValue]!.double(value);
  }

  #clear(): void {
    this.#events.clear();
    this.#attempts.clear();
    this.#controls.clear();
    this.#controlCount = 0;
    this.#exceptions = 0;
    this.#order.clear();
    this.#kind = ITEM.none;
    this.#run = 0;
    this.#streamList.length = 0;
    for (const dictionary of this.#dictionaries) dictionary.clear();
  }
}
