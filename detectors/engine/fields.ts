/**
 * Accessors of a record's fields: closures and small classes over constant offsets, which V8 inlines.
 *
 * f16 holds 11 bits of a number up to 65,504: enough for what is compared, too little for what grows by small steps.
 * Where such a field learns slowly it is written by `dither`, which rounds up or down by chance.
 */
import type { Cursor } from './memory.ts';

export type Scalar = 'u8' | 'u16' | 'u32' | 'f16' | 'f32' | 'f64';

export interface ArrayField {
  readonly length: number;
  get(index: number): number;
  set(index: number, value: number): void;
  /**
   * The same, but between two values that the field can hold it is the upper one by the share of the way to it:
   * `chance`, 32 even bits, decides. Small steps then add up instead of being rounded away. For value ≥ 0.
   */
  dither(index: number, value: number, chance: number): void;
  fill(value: number): void;
}

export const SIZES: Readonly<Record<Scalar, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  f16: 2,
  f32: 4,
  f64: 8,
};

export interface PlacedField {
  readonly name: string;
  readonly scalar: Scalar;
  readonly length: number;
  readonly offset: number;
}

interface Access {
  get(): number;
  set(value: number): void;
}

export function scalarAccess(c: Cursor, field: PlacedField): Access {
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
    case 'f16':
      return {
        get: () => c.f16[c.at2 + at]!,
        set: (v) => {
          c.f16[c.at2 + at] = v;
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
abstract class Field implements ArrayField {
  readonly length: number;
  protected readonly c: Cursor;
  /** Offset in elements. */
  protected readonly at: number;
  constructor(c: Cursor, field: PlacedField) {
    this.c = c;
    this.at = field.offset / SIZES[field.scalar];
    this.length = field.length;
  }
  abstract get(index: number): number;
  abstract set(index: number, value: number): void;
  dither(index: number, value: number, _chance: number): void {
    this.set(index, value);
  }
  fill(value: number): void {
    for (let i = 0; i < this.length; i++) this.set(i, value);
  }
}

class U8Field extends Field {
  get(index: number): number {
    return this.c.u8[this.c.at1 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.u8[this.c.at1 + this.at + index] = value;
  }
}

class U16Field extends Field {
  get(index: number): number {
    return this.c.u16[this.c.at2 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.u16[this.c.at2 + this.at + index] = value;
  }
}

class U32Field extends Field {
  get(index: number): number {
    return this.c.u32[this.c.at4 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.u32[this.c.at4 + this.at + index] = value;
  }
}

class F16Field extends Field {
  get(index: number): number {
    return this.c.f16[this.c.at2 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.f16[this.c.at2 + this.at + index] = value;
  }
  override dither(index: number, value: number, chance: number): void {
    this.set(index, ditheredF16(value, chance));
  }
}

class F32Field extends Field {
  get(index: number): number {
    return this.c.f32[this.c.at4 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.f32[this.c.at4 + this.at + index] = value;
  }
}

class F64Field extends Field {
  get(index: number): number {
    return this.c.f64[this.c.at8 + this.at + index]!;
  }
  set(index: number, value: number): void {
    this.c.f64[this.c.at8 + this.at + index] = value;
  }
}

const HALF = new Float16Array(1);
const HALF_BITS = new Uint16Array(HALF.buffer);

/** One of the two halves around a value ≥ 0. A whole number for the chance: it costs no object on its way here. */
function ditheredF16(value: number, chance: number): number {
  HALF[0] = value;
  const nearest = HALF[0]!;
  if (nearest === value || !Number.isFinite(nearest)) return nearest;
  const isBelow = nearest < value;
  HALF_BITS[0] = HALF_BITS[0]! + (isBelow ? 1 : -1);
  const other = HALF[0]!;
  const low = isBelow ? nearest : other;
  const high = isBelow ? other : nearest;
  return (chance >>> 0) / 2 ** 32 < (value - low) / (high - low) ? high : low;
}

export function arrayAccess(c: Cursor, field: PlacedField): ArrayField {
  switch (field.scalar) {
    case 'u8':
      return new U8Field(c, field);
    case 'u16':
      return new U16Field(c, field);
    case 'u32':
      return new U32Field(c, field);
    case 'f16':
      return new F16Field(c, field);
    case 'f32':
      return new F32Field(c, field);
    case 'f64':
      return new F64Field(c, field);
  }
}
