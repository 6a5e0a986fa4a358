/**
 * Changes packed for one script: MessagePack, which scripts can read (`cmsgpack`), of lists of strings.
 *
 *   chunk   := array{ list }         one for each target of the script, in its order
 *   list    := array{ string }       fields to delete, or field, value, field, value, …
 *   subject := idBytes:varint id consumerBytes:varint consumer record          the value of a subject's field
 */
import { BytesReader, VARINT_BYTES_MAX, writeVarint } from '../../core/binary.ts';
import type { SubjectRow } from '../../core/store.ts';

const ARRAY = 0xdd;
const STRING = 0xdb;
const HEAD_BYTES = 5;
const FIRST_BYTES = 4096;
/** Room of chunks that were packed, for the next ones: a checkpoint fills one for each key group. */
const SPARE: Buffer[] = [];
const SPARE_MAX = 64;

const NO_ROOM = Buffer.alloc(0);

class StringList {
  count = 0;
  length = 0;
  #bytes = SPARE.pop() ?? Buffer.allocUnsafe(FIRST_BYTES);

  add(value: Uint8Array | string): void {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.begin(bytes.length);
    this.append(bytes);
  }

  /** Begins a string of so many bytes; `append` brings them. */
  begin(bytes: number): void {
    this.#reserve(HEAD_BYTES + bytes);
    this.#bytes[this.length] = STRING;
    this.#bytes.writeUInt32BE(bytes, this.length + 1);
    this.length += HEAD_BYTES;
    this.count += 1;
  }

  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  varint(value: number): void {
    this.length = writeVarint(this.#bytes, this.length, value);
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** Nothing more can be added. */
  giveRoomBack(): void {
    if (SPARE.length < SPARE_MAX) SPARE.push(this.#bytes);
    this.#bytes = NO_ROOM;
    this.length = 0;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const size = Math.max(this.#bytes.length * 2, this.length + more);
    const larger = Buffer.allocUnsafe(size);
    larger.set(this.bytes());
    this.#bytes = larger;
  }
}

export class Chunk {
  rows = 0;
  readonly #lists: (StringList | undefined)[];

  constructor(lists: number) {
    this.#lists = new Array<StringList | undefined>(lists).fill(undefined);
  }

  get length(): number {
    return this.#lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
  }

  remove(list: number, field: Uint8Array | string): void {
    this.rows += 1;
    this.#list(list).add(field);
  }

  put(list: number, field: Uint8Array | string, value: Uint8Array | string): void {
    this.rows += 1;
    const strings = this.#list(list);
    strings.add(field);
    strings.add(value);
  }

  putSubject(list: number, row: SubjectRow): void {
    this.rows += 1;
    const strings = this.#list(list);
    strings.add(row.digest);
    const id = Buffer.from(row.id);
    const consumer = Buffer.from(row.consumer);
    const heads = varintBytes(id.length) + varintBytes(consumer.length);
    strings.begin(heads + id.length + consumer.length + row.record.length);
    strings.varint(id.length);
    strings.append(id);
    strings.varint(consumer.length);
    strings.append(consumer);
    strings.append(row.record);
  }

  /** All that was added, and empties it. */
  pack(): Buffer {
    const parts = [head(ARRAY, this.#lists.length)];
    for (const list of this.#lists) {
      parts.push(head(ARRAY, list?.count ?? 0));
      if (list !== undefined) parts.push(list.bytes());
    }
    const packed = Buffer.concat(parts);
    for (const list of this.#lists) list?.giveRoomBack();
    this.#lists.fill(undefined);
    this.rows = 0;
    return packed;
  }

  #list(index: number): StringList {
    let list = this.#lists[index];
    if (list === undefined) {
      list = new StringList();
      this.#lists[index] = list;
    }
    return list;
  }
}

/** `digest` and `value` as they stand in a hash of subjects. The record is a view of `value`. */
export function subjectOf(group: number, digest: Uint8Array, value: Uint8Array): SubjectRow {
  READER.begin(value, 0, value.length);
  const id = READER.text();
  const consumer = READER.text();
  return { group, digest, id, consumer, record: value.subarray(READER.at) };
}

const READER = new BytesReader();
const SCRATCH = new Uint8Array(VARINT_BYTES_MAX);

function varintBytes(value: number): number {
  return writeVarint(SCRATCH, 0, value);
}

function head(kind: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES);
  bytes[0] = kind;
  bytes.writeUInt32BE(count, 1);
  return bytes;
}
