import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyhoundError } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import { mask } from '../../ingest/dead-letters.ts';
import { detectFormat } from '../../ingest/detection.ts';
import { envelopeById, enveloped } from '../../ingest/envelope.ts';
import { FORMATS, formatById } from '../../ingest/formats/list.ts';
import { Framer } from '../../ingest/framing.ts';
import { WRAPPED, type Wrapped } from './envelope-kit.ts';
import { casesOf, decodeIn, ENCODER, TEXT } from './formats/cases.ts';

const CASES = FORMATS.flatMap((format) => casesOf(format.id));
/** What fits into a line, and is cut and padded by no carrier. */
const isLine = (record: string): boolean => record.trim() === record && record !== '';

function cut(format: Format, text: string): string[] {
  const framer = new Framer(format.framing);
  framer.push(Buffer.from(text));
  framer.cut(true);
  return Array.from({ length: framer.count }, (_, i) =>
    framer.bytes.toString('utf8', framer.starts[i]!, framer.ends[i]!),
  );
}

for (const { id, name, wrap } of WRAPPED) {
  test(`${id} (${name}): every format decodes its records as it does without`, () => {
    for (const fixture of CASES) {
      const bare = formatById(fixture.formatId);
      const format = enveloped(bare, envelopeById(id));
      const decoder = format.createDecoder(fixture.options);
      const records = fixture.records.map((record) => TEXT.decode(record)).filter(isLine);
      const wrapped = cut(format, `${records.map(wrap).join('\n')}\n`);
      assert.equal(wrapped.length, records.length, fixture.name);
      for (const [i, record] of records.entries()) {
        const own = decodeIn(bare.createDecoder(fixture.options), ENCODER.encode(record));
        assert.deepEqual(decodeIn(decoder, ENCODER.encode(wrapped[i]!)), own, record);
      }
      for (const hostile of fixture.hostile) {
        const { result } = decodeIn(decoder, ENCODER.encode(wrap(TEXT.decode(hostile))));
        assert.notEqual(result, 'ok', TEXT.decode(hostile));
      }
    }
  });

  test(`${id} (${name}): is recognised, in every format that needs nothing said`, () => {
    for (const format of FORMATS) {
      const fixture = casesOf(format.id).find((known) => !known.hasOptions);
      if (fixture === undefined) continue;
      const records = fixture.records.map((record) => TEXT.decode(record)).filter(isLine);
      const found = detectFormat(ENCODER.encode(`${records.map(wrap).join('\n')}\n`));
      const own = detectFormat(ENCODER.encode(`${records.join('\n')}\n`));
      assert.equal(found.format?.id, own.format?.id, `${format.id}: ${found.why}`);
      assert.equal(found.format?.envelope, id, found.why);
    }
  });
}

const LINE = '198.51.100.7 - - [22/Nov/2026:04:18:21 +0000] "GET /a HTTP/1.1" 200 21 "-" "curl/8"';
const decodeWith = (id: string, record: string, formatId = 'combined') =>
  decodeIn(
    enveloped(formatById(formatId), envelopeById(id)).createDecoder({}),
    ENCODER.encode(record),
  );

test('a record without its envelope, or in another one, is not read', () => {
  const others = (id: string): Wrapped[] => WRAPPED.filter((other) => other.id !== id);
  for (const id of new Set(WRAPPED.map((each) => each.id))) {
    assert.equal(decodeWith(id, LINE).result, 'malformed', id);
    for (const other of others(id)) {
      const { result } = decodeWith(id, other.wrap(LINE));
      assert.notEqual(result, 'ok', `${other.name} as ${id}`);
    }
  }
});

test('what a client writes into its request is never taken for the envelope', () => {
  const agent = (text: string): string => LINE.replace('curl/8', text);
  for (const { id, name, wrap } of WRAPPED) {
    for (const { wrap: inner } of WRAPPED) {
      // As NGINX and Apache escape what a client sends.
      const forged = inner('192.0.2.66 - - [22/Nov/2026:04:18:21 +0000] GET').replace(
        /["\\]/g,
        '\\$&',
      );
      const line = agent(forged.replaceAll('\n', '\\n'));
      const { result, text } = decodeWith(id, wrap(line));
      assert.equal(result, 'ok', `${name}: ${line}`);
      assert.equal(text?.clientAddress, '198.51.100.7', name);
    }
  }
});

test('a member counts at its own depth only, and the last of two of one name', () => {
  const other = LINE.replace('198.51.100.7', '192.0.2.66');
  const record = { labels: { message: other }, list: [{ message: other }], message: LINE };
  assert.equal(
    decodeWith('field:message', JSON.stringify(record)).text?.clientAddress,
    '198.51.100.7',
  );
  const { message: _, ...without } = record;
  assert.equal(decodeWith('field:message', JSON.stringify(without)).result, 'malformed');
  const twice = `{"message":${JSON.stringify(other)},"message":${JSON.stringify(LINE)}}`;
  assert.equal(decodeWith('field:message', twice).text?.clientAddress, '198.51.100.7');
});

test('two lines in one record are none of a format of lines', () => {
  const both = `${LINE} more\n${LINE}`;
  assert.equal(decodeWith('field:message', JSON.stringify({ message: both })).result, 'malformed');
  assert.equal(
    decodeWith('field:message', JSON.stringify({ message: `${LINE}\r\n` })).result,
    'ok',
  );
});

test('pieces: another stream in between is left out, and a line without its end is not read', () => {
  const [from, to] = [LINE.slice(0, 60), LINE.slice(60)];
  const piece = (stream: string, tag: string, text: string): string =>
    `2026-11-22T04:18:21.1Z ${stream} ${tag} ${text}`;
  const split = [
    piece('stdout', 'P', from),
    piece('stderr', 'F', 'oops'),
    piece('stdout', 'F', to),
  ];
  assert.equal(decodeWith('cri', split.join('\n')).text?.userAgent, 'curl/8');
  assert.equal(decodeWith('cri', split.slice(0, 2).join('\n')).result, 'malformed');
  assert.equal(decodeWith('cri', piece('stdout', 'P', LINE)).result, 'malformed');
  // A backslash and an n that the program wrote are not the end of its line.
  const docker = (log: string): string => `{"log":"${log}","stream":"stdout","time":"x"}`;
  assert.equal(decodeWith('docker', docker('198.51.100.7 \\\\n')).result, 'malformed');
});

test('what a program says on stderr is no fault of the log, unless it is a record', () => {
  const on = (stream: string, text: string): string => `2026-11-22T04:18:21.1Z ${stream} F ${text}`;
  const notice = '2026/11/22 04:18:21 [notice] 1#1: start worker process 29';
  assert.equal(decodeWith('cri', on('stderr', notice)).result, 'ignored');
  assert.equal(decodeWith('cri', on('stdout', notice)).result, 'malformed');
  assert.equal(decodeWith('cri', on('stderr', LINE)).result, 'ok');
});

test('a key that is written as escapes is hidden in a dead letter, escaped once more or not', () => {
  for (const letter of ['\\x6b', '\\u006b', '%6b']) {
    const record = ENCODER.encode(JSON.stringify({ log: letter.repeat(12) }));
    assert.match(mask(record, 0, record.length), /^\{"log":"<\d+>"\}$/);
  }
});

test('names of envelopes: the nearest is suggested, and a member needs a name', () => {
  for (const id of ['docke', 'field:', 'message', '']) {
    assert.throws(
      () => envelopeById(id),
      (error) => error instanceof KeyhoundError && error.code === 'unknown-envelope',
    );
  }
  assert.throws(() => envelopeById('docke'), /Did you mean docker\?/);
});
