/**
 * Compression of Kafka's record batches. kafkajs brings gzip alone, and a consumer that meets another codec ends
 * for good: all four that Kafka knows are registered here, with a bound on what a batch may unpack to.
 *
 * Snappy in Kafka is snappy-java's stream: a 16 byte header, then blocks, each behind its length (32 bit, big
 * endian); some producers write a single raw block instead. LZ4 is the standard frame.
 */
import { gunzip, gzip, constants as zlib, zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import lz4 from 'lz4-napi';
import snappy from 'snappy';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** A batch is a few MB at most before packing; more is a bomb. */
const UNPACKED_BYTES_MAX = 64 << 20;
const SNAPPY_MAGIC = Buffer.from('\x82SNAPPY\0', 'latin1');
const SNAPPY_HEADER = Buffer.concat([SNAPPY_MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);

interface Codec {
  pack(raw: Buffer): Promise<Buffer>;
  unpack(packed: Buffer): Promise<Buffer>;
}

const gzipCodec: Codec = {
  pack: (raw) => called((done) => gzip(raw, { level: 1 }, done)),
  unpack: (packed) =>
    called((done) => gunzip(packed, { maxOutputLength: UNPACKED_BYTES_MAX }, done)),
};

const zstdCodec: Codec = {
  pack: (raw) =>
    called((done) => zstdCompress(raw, { params: { [zlib.ZSTD_c_compressionLevel]: 1 } }, done)),
  unpack: (packed) =>
    called((done) => zstdDecompress(packed, { maxOutputLength: UNPACKED_BYTES_MAX }, done)),
};

const lz4Codec: Codec = {
  pack: (raw) => lz4.compressFrame(raw),
  unpack: (packed) => lz4.decompressFrame(packed),
};

const snappyCodec: Codec = {
  async pack(raw) {
    const block = await snappy.compress(raw);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    return Buffer.concat([SNAPPY_HEADER, length, block]);
  },
  async unpack(packed) {
    if (!packed.subarray(0, SNAPPY_MAGIC.length).equals(SNAPPY_MAGIC)) return unsnap(packed);
    const blocks: Buffer[] = [];
    let total = 0;
    for (let at = SNAPPY_HEADER.length; at < packed.length; ) {
      const end = at + 4 + packed.readUInt32BE(at);
      if (end > packed.length) throw new Error('a snappy block is cut off');
      const block = await unsnap(packed.subarray(at + 4, end));
      total += block.length;
      if (total > UNPACKED_BYTES_MAX) throw new Error('a snappy batch is too large');
      blocks.push(block);
      at = end;
    }
    return Buffer.concat(blocks, total);
  },
};

async function unsnap(block: Buffer): Promise<Buffer> {
  return (await snappy.uncompress(block, { asBuffer: true })) as Buffer;
}

function called(start: (done: (error: Error | null, result: Buffer) => void) => void) {
  return new Promise<Buffer>((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

let registered = false;

/** Once for all clients of the process: kafkajs keeps codecs in one table. */
export function registerCodecs(): void {
  if (registered) return;
  registered = true;
  const codecs = [
    [CompressionTypes.GZIP, gzipCodec],
    [CompressionTypes.Snappy, snappyCodec],
    [CompressionTypes.LZ4, lz4Codec],
    [CompressionTypes.ZSTD, zstdCodec],
  ] as const;
  for (const [type, codec] of codecs) {
    const adapted = {
      compress: (encoder: { buffer: Buffer }) => codec.pack(encoder.buffer),
      decompress: (buffer: Buffer) => codec.unpack(buffer),
    };
    (CompressionCodecs as Record<number, unknown>)[type] = () => adapted;
  }
}
