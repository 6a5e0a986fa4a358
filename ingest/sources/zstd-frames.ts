/**
 * Cuts Zstandard data where its frames end. A file may hold many frames (`zstd >> file`, pzstd), but Node's
 * decompressor silently ignores what follows the end of a frame within one write.
 *
 *   frame     := magic:4 descriptor:1 header:n block* checksum:4?        RFC 8878 §3.1.1
 *   block     := (size << 3 | type << 1 | last):3 payload
 *   skippable := 50..5f 2a 4d 18, length:4 payload                       RFC 8878 §3.1.2
 */

/** What is being collected or passed over. */
const PART = { magic: 0, rest: 1, blockHeader: 2, block: 3, checksum: 4, opaque: 5 } as const;

const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

export class ZstdFrames {
  #part: (typeof PART)[keyof typeof PART] = PART.magic;
  /** Bytes until the part at hand is complete. */
  #left = 5;
  /** The bytes collected of a magic number or block header. */
  #header: number[] = [];
  #hasChecksum = false;
  #isLast = false;
  #isSkippable = false;

  /** The chunk in pieces, none of which goes on after the end of a frame. */
  *cut(chunk: Buffer): Generator<Buffer> {
    let from = 0;
    let i = 0;
    while (i < chunk.length) {
      const take = Math.min(this.#left, chunk.length - i);
      const collects = this.#part === PART.magic || this.#part === PART.blockHeader;
      if (collects) this.#header.push(...chunk.subarray(i, i + take));
      this.#left -= take;
      i += take;
      if (this.#left > 0) break;
      while (this.#left === 0) {
        if (!this.#next()) continue;
        yield chunk.subarray(from, i);
        from = i;
      }
    }
    if (from < chunk.length) yield chunk.subarray(from);
  }

  /** Goes on to the next part; true where a frame has ended. */
  #next(): boolean {
    const header = this.#header;
    this.#header = [];
    if (this.#part === PART.magic) this.#beginFrame(header);
    else if (this.#part === PART.rest) {
      if (this.#isSkippable) return this.#endFrame();
      this.#expect(PART.blockHeader, 3);
    } else if (this.#part === PART.blockHeader) this.#beginBlock(header);
    else if (this.#part === PART.block && !this.#isLast) this.#expect(PART.blockHeader, 3);
    else if (this.#part === PART.block && this.#hasChecksum) this.#expect(PART.checksum, 4);
    else return this.#endFrame();
    return false;
  }

  #endFrame(): true {
    this.#expect(PART.magic, 5);
    return true;
  }

  #expect(part: (typeof PART)[keyof typeof PART], bytes: number): void {
    this.#part = part;
    this.#left = bytes;
  }

  #beginFrame(header: readonly number[]): void {
    const [m0 = 0, m1, m2, m3, descriptor = 0] = header;
    this.#isSkippable = (m0 & 0xf0) === 0x50 && m1 === 0x2a && m2 === 0x4d && m3 === 0x18;
    if (this.#isSkippable && header.length === 5) {
      // Only the length is missing; its first byte is the fifth that was collected.
      this.#header = [...header];
      this.#expect(PART.magic, 3);
      return;
    }
    if (this.#isSkippable) {
      const length = descriptor | (header[5]! << 8) | (header[6]! << 16);
      this.#expect(PART.rest, length + header[7]! * 2 ** 24);
      return;
    }
    if (m0 !== 0x28 || m1 !== 0xb5 || m2 !== 0x2f || m3 !== 0xfd) {
      this.#expect(PART.opaque, Number.POSITIVE_INFINITY);
      return;
    }
    const isSingle = (descriptor & 0x20) !== 0;
    const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
    const dictionary = [0, 1, 2, 4][descriptor & 3]!;
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#expect(PART.rest, (isSingle ? 0 : 1) + dictionary + contentSize);
  }

  #beginBlock(header: readonly number[]): void {
    const value = header[0]! | (header[1]! << 8) | (header[2]! << 16);
    const type = (value >> 1) & 3;
    this.#isLast = (value & 1) === 1;
    if (type === BLOCK_RESERVED) this.#expect(PART.opaque, Number.POSITIVE_INFINITY);
    else this.#expect(PART.block, type === BLOCK_RLE ? 1 : value >> 3);
  }
}
