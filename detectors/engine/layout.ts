/**
 * State layouts: named fields of fixed size, laid out in one record per subject inside a slab.
 *
 * A detector declares a Layout; the engine binds it to a Cursor, and the detector reads and writes named
 * fields of the record that the cursor stands on. The record's bytes are the snapshot. The accessors are
 * closures over constant offsets, which V8 inlines.
 */

export type Scalar = 'u8' | 'u16' | 'u32' | 'f32' | 'f64';
export type FieldType = Scalar | readonly [Scalar, number];
export type Layout = Readonly<Record<string, FieldType>>;

export interface ArrayField {
  readonly length: number;
  get(index: number): number;
  set(index: number, value: number): void;
  fill(value: number): void;
}

/** What a detector sees of its layout at the record at hand. */
export type StateOf<L extends Layout> = {
  -readonly [K in keyof L]: L[K] extends Scalar ? number : ArrayField;
};

const SIZES: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u32: 4, f32: 4, f64: 8 };

/** One buffer seen through every element type. */
export class Memory {
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}

/** Stands on one record of one slab. Its fields are what the accessors read, nothing else should. */
export class Cursor {
  u8: Uint8Array;
  u16: Uint16Array;
  u32: Uint32Array;
  f32: Float32Array;
  f64: Float64Array;
  at1 = 0;
  at2 = 0;
  at4 = 0;
  at8 = 0;

  constructor(memory: Memory) {
    this.u8 = memory.bytes;
    this.u16 = memory.u16;
    this.u32 = memory.u32;
    this.f32 = memory.f32;
    this.f64 = memory.f64;
  }

  /** `offset` is in bytes, a multiple of 8. */
  moveTo(memory: Memory, offset: number): void {
    if (this.u8 !== memory.bytes) {
      this.u8 = memory.bytes;
      this.u16 = memory.u16;
      this.u32 = memory.u32;
      this.f32 = memory.f32;
      this.f64 = memory.f64;
    }
    this.at1 = offset;
    this.at2 = offset >>> 1;
    this.at4 = offset >>> 2;
    this.at8 = offset >>> 3;
  }
}

/** A part of the record: one detector's or baseline's fields. */
export interface LayoutPart {
  readonly id: string;
  readonly version: number;
  readonly layout: Layout;
}

export interface PlacedField {
  readonly name: string;
  readonly scalar: Scalar;
  readonly length: number;
  readonly offset: number;
}

export interface PlacedPart {
  readonly id: string;
  readonly version: number;
  readonly fields: readonly PlacedField[];
}

export interface RecordLayout {
  /** Bytes of one record, a multiple of 8. */
  readonly size: number;
  readonly parts: readonly PlacedPart[];
}

/**
 * Places the single fields of all parts first, side by side, then the arrays: an event touches most of the
 * one and little of the other, and at a million keys its cost is the number of cache lines it touches.
 */
export function placeParts(parts: readonly LayoutPart[]): RecordLayout {
  const placed = parts.map(({ id, version }) => ({ id, version, fields: [] as PlacedField[] }));
  let offset = 0;
  for (const isArray of [false, true]) {
    for (const scalar of ['f64', 'u32', 'f32', 'u16', 'u8'] as const) {
      for (const [i, part] of parts.entries()) {
        for (const [name, type] of Object.entries(part.layout)) {
          if (Array.isArray(type) !== isArray) continue;
          if ((typeof type === 'string' ? type : type[0]) !== scalar) continue;
          const length = typeof type === 'string' ? 1 : type[1]!;
          const size = SIZES[scalar];
          offset = Math.ceil(offset / size) * size;
          placed[i]!.fields.push({ name, scalar, length, offset });
          offset += size * length;
        }
      }
    }
  }
  return { size: Math.ceil(offset / 8) * 8, parts: placed };
}

/** Bytes that a part takes of a record. */
export function bytesOfPart(part: PlacedPart): number {
  return part.fields.reduce((sum, field) => sum + SIZES[field.scalar] * field.length, 0);
}

/** Copies the fields that both versions of a part have, of the same type and length. */
export function copyPart(
  from: PlacedPart,
  record: Uint8Array,
  to: PlacedPart,
  memory: Memory,
  offset: number,
): void {
  for (const field of to.fields) {
    const old = from.fields.find((other) => other.name === field.name);
    if (old?.scalar !== field.scalar || old.length !== field.length) continue;
    const size = SIZES[field.scalar] * field.length;
    memory.bytes.set(record.subarray(old.offset, old.offset + size), offset + field.offset);
  }
}

/** Binds a part's fields to a cursor. */
export function bindState<L extends Layout>(
  cursor: Cursor,
  placed: PlacedPart,
  layout: L,
): StateOf<L> {
  const state = {};
  for (const field of placed.fields) {
    if (typeof layout[field.name] === 'string') {
      Object.defineProperty(state, field.name, {
        ...scalarAccess(cursor, field),
        enumerable: true,
      });
    } else {
      Object.defineProperty(state, field.name, {
        value: arrayAccess(cursor, field),
        enumerable: true,
      });
    }
  }
  return state as StateOf<L>;
}

interface Access {
  get(): number;
  set(value: number): void;
}

function scalarAccess(c: Cursor, field: PlacedField): Access {
  const at = field.offset / SIZES[field.scalar];
  switch (field.scalar) {
    case 'u8':
      return {
        get: () => c.u8[c.at1 + at]!,
        set: (v) => {
          c.u8[c.at1 + at] = v;
        },
      };
    case 'u16':
      return {
        get: () => c.u16[c.at2 + at]!,
        set: (v) => {
          c.u16[c.at2 + at] = v;
        },
      };
    case 'u32':
      return {
        get: () => c.u32[c.at4 + at]!,
        set: (v) => {
          c.u32[c.at4 + at] = v;
        },
      };
    case 'f32':
      return {
        get: () => c.f32[c.at4 + at]!,
        set: (v) => {
          c.f32[c.at4 + at] = v;
        },
      };
    case 'f64':
      return {
        get: () => c.f64[c.at8 + at]!,
        set: (v) => {
          c.f64[c.at8 + at] = v;
        },
      };
  }
}

/** One class per element type, so that every call of get and set is of one shape. */
class U8Field implements ArrayField {
  readonly length: number;
  private readonly c: Cursor;
  private readonly at: number;
  constructor(c: Cursor, field: PlacedField) {
    this.c = c;
    this.at = field.offset;
    this.length = field.length;
  }
  get(index: number): number {
    return this.c.u8[this.c.at1 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.u8[this.c.at1 + this.at + index] = value;
  }
  fill(value: number): void {
    for (let i = 0; i < this.length; i++) this.set(i, value);
  }
}

class U16Field implements ArrayField {
  readonly length: number;
  private readonly c: Cursor;
  private readonly at: number;
  constructor(c: Cursor, field: PlacedField) {
    this.c = c;
    this.at = field.offset / 2;
    this.length = field.length;
  }
  get(index: number): number {
    return this.c.u16[this.c.at2 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.u16[this.c.at2 + this.at + index] = value;
  }
  fill(value: number): void {
    for (let i = 0; i < this.length; i++) this.set(i, value);
  }
}

class U32Field implements ArrayField {
  readonly length: number;
  private readonly c: Cursor;
  private readonly at: number;
  constructor(c: Cursor, field: PlacedField) {
    this.c = c;
    this.at = field.offset / 4;
    this.length = field.length;
  }
  get(index: number): number {
    return this.c.u32[this.c.at4 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.u32[this.c.at4 + this.at + index] = value;
  }
  fill(value: number): void {
    for (let i = 0; i < this.length; i++) this.set(i, value);
  }
}

class F32Field implements ArrayField {
  readonly length: number;
  private readonly c: Cursor;
  private readonly at: number;
  constructor(c: Cursor, field: PlacedField) {
    this.c = c;
    this.at = field.offset / 4;
    this.length = field.length;
  }
  get(index: number): number {
    return this.c.f32[this.c.at4 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.f32[this.c.at4 + this.at + index] = value;
  }
  fill(value: number): void {
    for (let i = 0; i < this.length; i++) this.set(i, value);
  }
}

class F64Field implements ArrayField {
  readonly length: number;
  private readonly c: Cursor;
  private readonly at: number;
  constructor(c: Cursor, field: PlacedField) {
    this.c = c;
    this.at = field.offset / 8;
    this.length = field.length;
  }
  get(index: number): number {
    return this.c.f64[this.c.at8 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.f64[this.c.at8 + this.at + index] = value;
  }
  fill(value: number): void {
    for (let i = 0; i < this.length; i++) this.set(i, value);
  }
}

function arrayAccess(c: Cursor, field: PlacedField): ArrayField {
  switch (field.scalar) {
    case 'u8':
      return new U8Field(c, field);
    case 'u16':
      return new U16Field(c, field);
    case 'u32':
      return new U32Field(c, field);
    case 'f32':
      return new F32Field(c, field);
    case 'f64':
      return new F64Field(c, field);
  }
}
