/** What a file that is no log in any of our formats most often is. */
import { compressionOf } from './sources/paths.ts';

const MAGIC: readonly (readonly [name: string, command: string, bytes: readonly number[]])[] = [
  ['bzip2', 'bzcat', [0x42, 0x5a, 0x68]],
  ['xz', 'xzcat', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['zip', 'unzip -p', [0x50, 0x4b, 0x03, 0x04]],
  ['lz4', 'lz4cat', [0x04, 0x22, 0x4d, 0x18]],
];

/** What is printed around records, and how to get them without. */
const WRITTEN: readonly (readonly [what: string, beginning: RegExp])[] = [
  [
    "an answer of Elasticsearch: `jq -c '.hits.hits[]' FILE | keyhound replay -`",
    /^\s*\{[^{}[\]]*(?:"_shards"\s*:\s*\{[^{}]*\},?\s*)?"hits"\s*:\s*\{/,
  ],
  ['what `docker compose logs` prints: add --no-log-prefix', /^[\w.-]+ +\| /],
];
const BEGINNING_BYTES = 1024;

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
  if (isUtf16) return 'UTF-16: `iconv -f UTF-16 -t UTF-8 FILE | keyhound replay -`';
  const text = new TextDecoder('latin1').decode(sample.subarray(0, BEGINNING_BYTES));
  return WRITTEN.find(([, beginning]) => beginning.test(text))?.[0];
}
