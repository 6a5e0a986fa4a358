/** Where records lie: a buffer seen through every element type, and a cursor that stands on one of its records. */

/** One buffer seen through every element type. */
export class Memory {
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f16: Float16Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f16 = new Float16Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}

/** Stands on one record of one slab. Its fields are what the accessors read, nothing else should. */
export class Cursor {
  u8: Uint8Array;
  u16: Uint16Array;
  u32: Uint32Array;
  f16: Float16Array;
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
    this.f16 = memory.f16;
    this.f32 = memory.f32;
    this.f64 = memory.f64;
  }

  /** `offset` is in bytes, a multiple of 8. */
  moveTo(memory: Memory, offset: number): void {
    if (this.u8 !== memory.bytes) {
      this.u8 = memory.bytes;
      this.u16 = memory.u16;
      this.u32 = memory.u32;
      this.f16 = memory.f16;
      this.f32 = memory.f32;
      this.f64 = memory.f64;
    }
    this.at1 = offset;
    this.at2 = offset >>> 1;
    this.at4 = offset >>> 2;
    this.at8 = offset >>> 3;
  }
}
