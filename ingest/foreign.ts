/** What a file that is no log in any of our formats most often is. */
import { compressionOf } from './sources/paths.ts';

const MAGIC: readonly (readonly [name: string, command: string, bytes: readonly number[]])[] = [
  ['bzip2', 'bzcat', [0x42, 0x5a, 0x68]],
  ['xz', 'xzcat', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['zip', 'unzip -p', [0x50, 0x4b, 0x03, 0x04]],
  ['lz4', 'lz4cat', [0x04, 0x22, 0x4d, 0x18]],
];

/** In words that follow "it is"; undefined when nothing is known about it. `sample` is the beginning of its text. */
export function foreignKind(sample: Uint8Array): string | undefined {
  const known = MAGIC.find(([, , bytes]) => bytes.every((byte, i) => sample[i] === byte));
  if (known !== undefined) {
    return `compressed with ${known[0]}, which is not read here: \`${known[1]} FILE | keyhound replay -\``;
  }
  const compression = compressionOf(sample);
  if (compression !== undefined) {
    const command = compression === 'gzip' ? 'zcat' : 'zstdcat';
    return `compressed with ${compression}, on stdin or once more: \`${command}\` it first`;
  }
  const isUtf16 =
    sample[0] === 0xff ? sample[1] === 0xfe : sample[0] === 0xfe && sample[1] === 0xff;
  return isUtf16 ? 'UTF-16: `iconv -f UTF-16 -t UTF-8 FILE | keyhound replay -`' : undefined;
}
