/**
 * State layouts: named fields of fixed size, laid out in one record per subject inside a slab.
 *
 * A detector declares a Layout; the engine binds it to a Cursor, and the detector reads and writes named
 * fields of the record that the cursor stands on. The record's bytes are the snapshot. The accessors are
 * closures over constant offsets, which V8 inlines.
 */
import {
  type ArrayField,
  arrayAccess,
  type PlacedField,
  type Scalar,
  SIZES,
  scalarAccess,
} from './fields.ts';
import { Cursor, Memory } from './memory.ts';

export type { ArrayField, PlacedField } from './fields.ts';
export { Cursor, Memory } from './memory.ts';

export type FieldType = Scalar | readonly [Scalar, number];
export type Layout = Readonly<Record<string, FieldType>>;

/** What a detector sees of its layout at the record at hand. */
export type StateOf<L extends Layout> = {
  -readonly [K in keyof L]: L[K] extends Scalar ? number : ArrayField;
};

/** A part of the record: one detector's or baseline's fields. */
export interface LayoutPart {
  readonly id: string;
  readonly version: number;
  readonly layout: Layout;
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
    for (const scalar of ['f64', 'u32', 'f32', 'u16', 'f16', 'u8'] as const) {
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

/**
 * The cursor of a layout and the accessors bound to it. All engines of a process with the same layout share them: an
 * accessor of its own for each engine made the second one three times slower, as V8 then inlines none. Nobody may
 * rely on where the cursor stands when it is called from outside: each call brings it to its record first.
 */
export class Binding {
  readonly cursor: Cursor;
  private readonly layout: RecordLayout;
  private readonly states: unknown[] = [];

  constructor(layout: RecordLayout) {
    this.layout = layout;
    this.cursor = new Cursor(new Memory(new ArrayBuffer(layout.size)));
  }

  /** State of the part at an index, which was declared by `layout`. */
  part<L extends Layout>(index: number, layout: L): StateOf<L> {
    this.states[index] ??= bindState(this.cursor, this.layout.parts[index]!, layout);
    return this.states[index] as StateOf<L>;
  }
}

const BINDINGS = new Map<string, Binding>();
/** Layouts remembered; a process has one, tests have some. */
const BINDINGS_MAX = 64;

export function bindingOf(layout: RecordLayout): Binding {
  const name = JSON.stringify(layout);
  const known = BINDINGS.get(name);
  if (known !== undefined) return known;
  const made = new Binding(layout);
  if (BINDINGS.size >= BINDINGS_MAX) BINDINGS.clear();
  BINDINGS.set(name, made);
  return made;
}

/** Binds a part's fields to a cursor. */
function bindState<L extends Layout>(cursor: Cursor, placed: PlacedPart, layout: L): StateOf<L> {
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
