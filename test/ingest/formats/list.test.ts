import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { KeyhoundError } from '../../../core/errors.ts';
import { detectFormat } from '../../../ingest/detection.ts';
import { FORMATS, formatById } from '../../../ingest/formats/list.ts';
import { casesOf, TEXT } from './cases.ts';

const ENCODER = new TextEncoder();

test('ids are unique, and the nearest one is suggested for a wrong one', () => {
  assert.equal(new Set(FORMATS.map((format) => format.id)).size, FORMATS.length);
  assert.throws(
    () => formatById('ngnix'),
    (error) =>
      error instanceof KeyhoundError && error.kind === 'usage' && /nginx\?/.test(error.message),
  );
});

test('an array, an envelope and a pretty-printed document are recognised', () => {
  for (const id of ['kong', 'cloudtrail', 'keyhound', 'aws-apigateway', 'apisix', 'tyk']) {
    const records = casesOf(id)
      .find(({ isJson, hasOptions }) => isJson && !hasOptions)!
      .records.map((record) => JSON.parse(TEXT.decode(record)));
    for (const document of [
      JSON.stringify(records),
      JSON.stringify(records, null, 2),
      JSON.stringify({ Records: records }),
      JSON.stringify({ Records: records }, null, 3),
      `\ufeff${JSON.stringify(records[0], null, 2)}`,
    ]) {
      const found = detectFormat(ENCODER.encode(document));
      assert.equal(found.format?.id, id, found.why);
      // As the head of a larger file, cut anywhere in its second half.
      const cut = document.slice(0, Math.floor(document.length * 0.9));
      if (document.startsWith('\ufeff')) continue;
      assert.equal(detectFormat(ENCODER.encode(cut)).format?.id, id);
    }
  }
});

test('a file of another kind is no format, and the reason says what was tried', () => {
  for (const text of [
    '',
    'timestamp,value\n2026-03-01,5\n',
    '{"level":"info","msg":"started"}\n',
    '{"ts":1772359200,"time":1772359200,"message":"x"}\n',
    '\u0000\u0001\u0002\u001f\u008b',
    '[1,2,3]',
    '{"Records":[',
  ]) {
    const found = detectFormat(ENCODER.encode(text));
    assert.equal(found.format, undefined, text);
    for (const format of FORMATS) assert.ok(found.why.includes(format.id), found.why);
    assert.equal(found.candidates.length, FORMATS.length);
  }
});

test('formats that miss the same say it once', () => {
  const found = detectFormat(ENCODER.encode('It was a dark and stormy night.\n'));
  assert.equal(found.why.split('no complete record to look at').length, 2, found.why);
});

test('what is no text in UTF-8 is told as what it is, with the way to read it', () => {
  const text = '192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n';
  for (const [sample, words] of [
    [Buffer.from(`\ufeff${text}`, 'utf16le'), /it is UTF-16: `iconv -f UTF-16/],
    [Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), /it is UTF-16/],
    [gzipSync(text.repeat(50)), /with gzip, on stdin or once more: `zcat`/],
    [zstdCompressSync(text.repeat(50)), /with zstd, on stdin or once more: `zstdcat`/],
    [Buffer.from('BZh91AY&SY'), /with bzip2, .*`bzcat FILE \| keyhound replay -`/],
    [Buffer.from('fd377a585a0000', 'hex'), /with xz, .*`xzcat FILE/],
    [Buffer.from('504b0304140000', 'hex'), /with zip, .*`unzip -p FILE/],
    [Buffer.from('04224d186440', 'hex'), /with lz4, .*`lz4cat FILE/],
  ] as const) {
    const found = detectFormat(sample);
    assert.equal(found.format, undefined);
    assert.match(found.why, words);
  }
});

test('lines of both NGINX and Apache are called combined, and say that NGINX writes them alike', () => {
  const found = detectFormat(
    ENCODER.encode(`${TEXT.decode(casesOf('combined')[0]!.records[0])}\n`),
  );
  assert.equal(found.format?.id, 'combined');
  assert.match(found.why, /1 of 1 line has/);
  assert.match(found.candidates.find(({ id }) => id === 'nginx')?.why ?? '', /alike/);
});

test('a part of a line in a sample does not count against a format', () => {
  const line = `${TEXT.decode(casesOf('combined')[0]!.records[0])}\n`;
  const found = detectFormat(ENCODER.encode(line.repeat(3).slice(0, -40)));
  assert.match(found.why, /2 of 2 lines/);
});

test("lines of Envoy's text format are no format, and say what to log instead", () => {
  const line = '[2026-03-01T10:00:00.310Z] "GET /v1/orders HTTP/2" 204 - 0 154 226 100 "-" "-"\n';
  const found = detectFormat(ENCODER.encode(line));
  assert.equal(found.format, undefined);
  assert.match(found.why, /1 of 1 lines are Envoy's text.*json_format/);
});

test("lines of Traefik's common format are Traefik's, though combined would read them", () => {
  const fixture = casesOf('traefik').find(({ isJson }) => !isJson)!;
  const lines = fixture.records.slice(0, 3).map((record) => `${TEXT.decode(record)}\n`);
  assert.equal(detectFormat(ENCODER.encode(lines.join(''))).format?.id, 'traefik');
});
