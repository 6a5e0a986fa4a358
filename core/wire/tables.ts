/** The two tables of a batch, as columns of numbers. */
import {
  type Column,
  DoubleColumn,
  Fixed32Column,
  Fixed64Column,
  SintColumn,
  UintColumn,
  WordColumn,
} from './columns.ts';
import type { Input } from './input.ts';
import { ATTEMPT, ATTEMPT_FLAG, damagedBatch, EVENT, FLAG } from './layout.ts';
import type { Parts } from './parts.ts';

type Columns = readonly (Column | undefined)[];

abstract class Table {
  readonly at = new DoubleColumn();
  readonly stream = new WordColumn();
  readonly position = new SintColumn();
  readonly latestSecond = new SintColumn();
  readonly flags = new WordColumn();
  protected abstract readonly firstFlag: number;
  /** By field number. */
  protected abstract readonly columns: Columns;
  #bases = new Float64Array(16);

  get count(): number {
    return this.at.length;
  }

  clear(): void {
    for (const column of this.columns) column?.clear();
  }

  read(input: Input): void {
    while (input.next()) {
      const column = this.columns[input.field];
      if (column === undefined) input.skip();
      else column.read(input);
    }
  }

  /** Makes differences whole, and makes sure that every index leads somewhere. */
  abstract resolve(parts: Parts): void;

  /** Differences to the item of the same stream before become positions and seconds. */
  protected resolvePlaces(streams: number): void {
    const { count, firstFlag } = this;
    const stream = this.stream.values;
    const position = this.position.values;
    const latestSecond = this.latestSecond.values;
    const flags = this.flags.values;
    if (this.#bases.length < 2 * streams) this.#bases = new Float64Array(2 * streams);
    const bases = this.#bases.fill(0, 0, 2 * streams);
    let exact = true;
    for (let i = 0; i < count; i++) {
      const base = 2 * stream[i]!;
      if (base === 0) throw damagedBatch('an item is of no stream');
      const at = bases[base]! + position[i]!;
      bases[base] = at;
      position[i] = at;
      const second = bases[base + 1]! + latestSecond[i]!;
      bases[base + 1] = second;
      latestSecond[i] = (flags[i]! & firstFlag) === 0 ? second : Number.NEGATIVE_INFINITY;
      exact &&= Math.abs(at) < LIMIT && Math.abs(second) < LIMIT;
    }
    if (!exact) throw damagedBatch('a position is out of range');
  }
}

const LIMIT = Number.MAX_SAFE_INTEGER;

export class EventTable extends Table {
  readonly key = new WordColumn();
  readonly place = new WordColumn();
  readonly route = new WordColumn();
  readonly client = new WordColumn();
  readonly network = new WordColumn();
  readonly method = new WordColumn();
  readonly consumer = new WordColumn();
  readonly environment = new WordColumn();
  readonly status = new WordColumn();
  readonly durationMs = new DoubleColumn();
  readonly bytesIn = new UintColumn();
  readonly bytesOut = new UintColumn();
  readonly resource = new Fixed32Column();
  readonly resourceNumber = new UintColumn();
  readonly scopeBreaches = new WordColumn();
  readonly fingerprint = new Fixed64Column();
  readonly exactEvent = new WordColumn();
  readonly exactField = new WordColumn();
  readonly exactValue = new DoubleColumn();
  protected readonly firstFlag = FLAG.first;
  protected readonly columns: Columns = byField<keyof typeof EVENT>(this, EVENT);

  resolve(parts: Parts): void {
    const exceptions = this.exactField.length;
    for (const column of this.columns) {
      const isException =
        column === this.exactEvent || column === this.exactField || column === this.exactValue;
      column?.complete(isException ? exceptions : this.count);
    }
    this.stream.within(parts.streams.length);
    this.key.within(parts.keys.length);
    this.place.within(parts.places.length);
    this.route.within(parts.routes.length);
    this.client.within(parts.clients.length);
    this.network.within(parts.networks.length);
    this.method.within(parts.strings.length);
    this.consumer.within(parts.strings.length);
    this.environment.within(parts.strings.length);
    this.resolvePlaces(parts.streams.length);
    this.#resolveExceptions();
  }

  #resolveExceptions(): void {
    const { values } = this.exactEvent;
    for (let j = 0; j < this.exactEvent.length; j++) {
      if (values[j]! >= this.count || (j > 0 && values[j]! < values[j - 1]!)) {
        throw damagedBatch('an exception is of no event');
      }
    }
  }
}

export class AttemptTable extends Table {
  readonly network = new WordColumn();
  readonly member = new Fixed32Column();
  readonly consumer = new WordColumn();
  protected readonly firstFlag = ATTEMPT_FLAG.first;
  protected readonly columns: Columns = byField<keyof typeof ATTEMPT>(this, ATTEMPT);

  resolve(parts: Parts): void {
    for (const column of this.columns) column?.complete(this.count);
    this.stream.within(parts.streams.length);
    this.network.within(parts.networks.length);
    this.consumer.within(parts.strings.length);
    this.resolvePlaces(parts.streams.length);
  }
}

function byField<Name extends string>(
  table: Readonly<Record<Name, Column>>,
  numbers: Readonly<Record<Name, number>>,
): Columns {
  const columns: (Column | undefined)[] = [];
  for (const name of Object.keys(numbers) as Name[]) columns[numbers[name]] = table[name];
  return columns;
}

/** Kinds of the items in their order, as runs; checked against the tables. */
export class Order {
  readonly runs = new WordColumn();
  #run = 0;
  #left = 0;

  clear(): void {
    this.runs.clear();
    this.#run = 0;
    this.#left = 0;
  }

  resolve(counts: readonly number[]): void {
    if (this.runs.length === 0) this.#inTableOrder(counts);
    const totals = [0, 0, 0, 0];
    for (let i = 0; i < this.runs.length; i++) {
      const run = this.runs.values[i]!;
      totals[run & 3]! += run >>> 2;
    }
    if (totals[3] !== 0 || counts.some((count, kind) => count !== totals[kind])) {
      throw damagedBatch('the order is not that of its items');
    }
  }

  /** The kind of the next item; -1 at the end. */
  next(): number {
    while (this.#left === 0) {
      if (this.#run >= this.runs.length) return -1;
      this.#left = this.runs.values[this.#run++]! >>> 2;
    }
    this.#left--;
    return this.runs.values[this.#run - 1]! & 3;
  }

  #inTableOrder(counts: readonly number[]): void {
    this.runs.complete(counts.length);
    counts.forEach((count, kind) => {
      this.runs.values[kind] = 4 * count + kind;
    });
  }
}
