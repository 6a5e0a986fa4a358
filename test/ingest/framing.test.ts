import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Framing } from '../../core/format.ts';
import { Framer } from '../../ingest/framing.ts';

interface Cut {
  readonly position: number;
  readonly text: string;
}
interface Result {
  readonly records: Cut[];
  readonly tooLong: { position: number; length: number }[];
  /** After each cut: how many records there were, and where to go on. */
  readonly marks: { readonly count: number; readonly dropped: number; readonly next: number }[];
}

function cutAll(framing: Framing, bytes: Buffer, sizes: Iterable<number>, options = {}): Result {
  const framer = new Framer(framing, options);
  const result: Result = { records: [], tooLong: [], marks: [] };
  let at = framer.filledTo;
  const step = (ended: boolean) => {
    framer.cut(ended);
    for (let i = 0; i < framer.count; i++) {
      const text = framer.bytes.toString('utf8', framer.starts[i]!, framer.ends[i]!);
      result.records.push({ position: framer.positions[i]!, text });
    }
    result.tooLong.push(...framer.tooLong);
    const { length: count } = result.records;
    result.marks.push({ count, dropped: result.tooLong.length, next: framer.nextPosition });
  };
  for (const size of sizes) {
    if (at >= bytes.length) break;
    const chunk = bytes.subarray(at, at + size);
    framer.push(chunk);
    at += chunk.length;
    step(false);
  }
  framer.push(bytes.subarray(at));
  step(true);
  return result;
}

const texts = (result: Result) => result.records.map((record) => record.text);
const whole = (framing: Framing, text: string, options = {}) =>
  cutAll(framing, Buffer.from(text), [], options);
function* every(size: number): Generator<number> {
  for (;;) yield size;
}

describe('lines', () => {
  test('LF and CRLF end a record, blank lines are none, a partial last line is one', () => {
    const result = whole('lines', 'a\r\n\n  \nbb\n\r\nccc');
    assert.deepEqual(result.records, [
      { position: 0, text: 'a' },
      { position: 7, text: 'bb' },
      { position: 12, text: 'ccc' },
    ]);
  });

  test('a partial last line waits for its end while the stream goes on', () => {
    const framer = new Framer('lines');
    framer.push(Buffer.from('one\ntw'));
    framer.cut(false);
    assert.equal(framer.count, 1);
    assert.equal(framer.nextPosition, 4);
    framer.push(Buffer.from('o\n'));
    framer.cut(false);
    assert.equal(framer.count, 1);
    assert.equal(framer.positions[0], 4);
    assert.equal(framer.bytes.toString('utf8', framer.starts[0]!, framer.ends[0]!), 'two');
  });

  test('a byte order mark is no part of the first record', () => {
    assert.deepEqual(whole('lines', '\ufeffa\nb').records, [
      { position: 3, text: 'a' },
      { position: 5, text: 'b' },
    ]);
  });
});

describe('shape of JSON', () => {
  const record = '{"a":{"b":[1,2]},"s":"} ] \\" ,"}';
  const other = '{"c":2}';
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['one object a line', `${record}\n${other}\n`, [record, other]],
    ['one object, no newline', record, [record]],
    ['an array', `[${record},${other}]`, [record, other]],
    ['an array of one element a line', `[\n${record},\n${other}\n]\n`, [record, other]],
    ['arrays one after the other', `[${record}]\n[${other}]\n`, [record, other]],
    ['an array in an array', `[[${record}],[${other}]]`, [record, other]],
    ['wrapped in Records', `{"Records":[${record},${other}]}\n`, [record, other]],
    ['wrapped in records', `{ "records" : [ ${record} , ${other} ] }`, [record, other]],
    [
      'wrapped, between other members',
      `{"x":{"Records":[1]},"Records":[${record}],"y":[{}]}`,
      [record],
    ],
    ['wrapped, twice', `{"Records":[${record}]}\n{"Records":[${other}],"n":1}\n`, [record, other]],
    ['wrapped, empty', '{"Records":[]}', []],
    ['objects side by side', `${record}${other} ${record}`, [record, other, record]],
    ['objects with commas between', `${record},\n${other},\n`, [record, other]],
    ['a value that is called Records', `{"k":"Records","l":[1]}\n`, ['{"k":"Records","l":[1]}']],
    ['nothing', ' \n', []],
  ];
  for (const [name, text, expected] of cases) {
    test(`${name}, cut anywhere`, () => {
      const bytes = Buffer.from(text);
      assert.deepEqual(texts(cutAll('json', bytes, [])), expected);
      for (let size = 1; size <= bytes.length; size++) {
        assert.deepEqual(texts(cutAll('json', bytes, every(size))), expected, `chunks of ${size}`);
      }
    });
  }

  test('printed over several lines: array, wrapped, one after the other', () => {
    const values = [JSON.parse(record), JSON.parse(other)];
    const same = (text: string) => assert.deepEqual(texts(whole('json', text)).map(parse), values);
    same(JSON.stringify(values, null, 3));
    same(JSON.stringify({ Records: values }, null, 2));
    same(JSON.stringify({ meta: { a: [] }, Records: values, z: '}]' }, null, '\t'));
    same(values.map((value) => JSON.stringify(value, null, 2)).join('\n'));
    same(JSON.stringify(values, null, 2).replaceAll('\n', '\r\n'));
  });
});

const parse = (text: string): unknown => JSON.parse(text);
const good = (result: Result) =>
  texts(result).flatMap((text) => {
    try {
      return [JSON.parse(text)];
    } catch {
      return [];
    }
  });

describe('broken JSON', () => {
  test('a broken line spoils only itself, the first one too', () => {
    for (const broken of ['{"a":"x', '{"a":{"b":1}', 'text', '{"a":1}}', '{"a":[1}', '{"a":1} x']) {
      const lines = ['{"n":1}', '{"n":2}', '{"n":3}'];
      for (let at = 0; at <= 3; at++) {
        const text = lines.toSpliced(at, 0, broken).join('\n');
        assert.deepEqual(texts(whole('json', text)), text.split('\n'), text);
      }
    }
  });

  test('after a broken element of an array the next ones are read', () => {
    const breaks = [
      '{"a":"x',
      '{"a":{"b":1}',
      '{"a":[1}',
      '{"a":1 "b":2}',
      '{"a" 1}',
      '{"a":tr"ue"}',
    ];
    for (const broken of breaks) {
      for (const separator of [',\n  ', ',']) {
        const text = `[${['{"n":1}', broken, '{"n":2}', '{"n":3}', '{"n":4}'].join(separator)}]`;
        const left = good(whole('json', text));
        assert.deepEqual(left[0], { n: 1 });
        assert.deepEqual(left.at(-1), { n: 4 }, text);
        assert.ok(left.length >= 3, `${left.length} of ${text}`);
      }
    }
  });

  test('brackets that do not match are noticed where they stand', () => {
    for (const broken of ['{"a":[1}', '{"a":{"b":1]}', '{"a":[{]}']) {
      const text = `[${broken},{"n":1},{"n":2}]`;
      assert.deepEqual(texts(whole('json', text)), [broken, '{"n":1}', '{"n":2}']);
    }
  });

  test('a broken element of a printed array costs exactly itself', () => {
    const values = [{ n: 1 }, { n: 2, deep: [{ a: 1 }, { b: 2 }] }, { n: 3 }, { n: 4 }];
    const text = JSON.stringify({ Records: values }, null, 2);
    const torn = text.replace('"b": 2', '"b": "2');
    assert.deepEqual(good(whole('json', torn)), values.toSpliced(1, 1));
    assert.equal(whole('json', torn).records.length, 4);
  });

  test('what is no object is a record too, so that it is counted', () => {
    assert.deepEqual(texts(whole('json', '[1,"a,b",{"n":1},null]')), [
      '1',
      '"a,b"',
      '{"n":1}',
      'null',
    ]);
  });
});

describe('too long', () => {
  const options = { recordBytesMax: 20 };
  const long = `{"s":"${'x'.repeat(40)}"}`;
  for (const [name, text] of [
    ['lines', `{"n":1}\n${long}\n{"n":2}\n`],
    ['array', `[{"n":1},${long},{"n":2}]`],
    ['wrapped behind long members', `{"m":${long},"Records":[{"n":1},${long},{"n":2}]}`],
  ] as const) {
    test(`${name}: dropped with its place and length, the others are read`, () => {
      const bytes = Buffer.from(text);
      const at = text.lastIndexOf(long);
      for (let size = 1; size <= bytes.length; size++) {
        const result = cutAll('json', bytes, every(size), options);
        assert.deepEqual(texts(result), ['{"n":1}', '{"n":2}']);
        assert.deepEqual(result.tooLong, [{ position: at, length: long.length }]);
      }
    });
  }

  test('a line of just the limit is kept, with LF and with CRLF', () => {
    const line = 'x'.repeat(20);
    const bytes = Buffer.from(`${line}\r\n${line}\n${line}y\r\n${line}`);
    for (let size = 1; size <= bytes.length; size++) {
      const result = cutAll('lines', bytes, every(size), options);
      assert.deepEqual(texts(result), [line, line, line], `chunks of ${size}`);
      assert.deepEqual(result.tooLong, [{ position: 43, length: 21 }]);
    }
  });

  test('memory is bounded while an endless record is read', () => {
    for (const [framing, begin] of [
      ['lines', ''],
      ['json', '[{"s":"'],
    ] as const) {
      const framer = new Framer(framing, { recordBytesMax: 1000 });
      framer.push(Buffer.from(begin));
      framer.cut(false);
      for (let i = 0; i < 1000; i++) {
        framer.push(Buffer.alloc(1000, 'x'));
        framer.cut(false);
      }
      assert.ok(framer.bytes.length < 5000, `${framer.bytes.length} bytes held`);
    }
  });
});

/** Text that is JSON in its parts, and broken here and there. */
const pieces = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\n',
    '\r\n',
    ' ',
    '  ',
    '1',
    'true',
    '"a"',
    '"Records"',
  ],
  ...[
    '{"a":1}',
    '{"b":{"c":[1,{}]}}',
    '[{"d":"\\"}"}]',
    '{"Records":[{"e":1},\n{"f":2}]}',
    ',\n  {',
  ],
  ...['{"t":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}', '\ufeff', 'é'],
);
const streams = fc.array(pieces, { maxLength: 30 }).map((parts) => Buffer.from(parts.join('')));

describe('any bytes', () => {
  const limits = { recordBytesMax: 30 };
  for (const framing of ['json', 'lines'] as const) {
    test(`${framing}: records and positions do not depend on the chunks`, () => {
      fc.assert(
        fc.property(streams, fc.array(fc.integer({ min: 1, max: 9 })), (bytes, sizes) => {
          const expected = cutAll(framing, bytes, [], limits);
          for (const chunks of [sizes, every(1)]) {
            const cut = cutAll(framing, bytes, chunks, limits);
            assert.deepEqual(cut.records, expected.records);
            assert.deepEqual(cut.tooLong, expected.tooLong);
          }
        }),
        { numRuns: 1000, seed: 7 },
      );
    });

    test(`${framing}: positions grow, and name the bytes of the record`, () => {
      fc.assert(
        fc.property(streams, (bytes) => {
          let before = -1;
          for (const { position, text } of cutAll(framing, bytes, every(3), limits).records) {
            assert.ok(position > before);
            before = position;
            const length = Buffer.byteLength(text);
            assert.equal(bytes.toString('utf8', position, position + length), text);
          }
        }),
        { numRuns: 400, seed: 8 },
      );
    });

    test(`${framing}: reading goes on at any saved position with exactly the rest`, () => {
      fc.assert(
        fc.property(streams, (bytes) => {
          const all = cutAll(framing, bytes, every(1), limits);
          for (const mark of all.marks.slice(0, -1)) {
            const options = { ...limits, position: mark.next, head: bytes };
            const rest = cutAll(framing, bytes, every(4), options);
            assert.deepEqual(rest.records, all.records.slice(mark.count));
            assert.deepEqual(rest.tooLong, all.tooLong.slice(mark.dropped));
          }
        }),
        { numRuns: 400, seed: 9 },
      );
    });
  }
});
