import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDraft, FIELD, fieldText } from '../../core/record.ts';
import { KIND, type WantedPath } from '../../ingest/json-paths.ts';
import { JsonReader } from '../../ingest/json-read.ts';
import { DEPTH_MAX, skipValue, viewOf } from '../../ingest/json-skip.ts';
import { anyText } from '../support/any-text.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20260301);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2000);
const ENCODER = new TextEncoder();

const WANTED: readonly WantedPath[] = [
  { path: ['a'] },
  { path: ['b'] },
  { path: ['b', 'a'] },
  { path: ['b', 'b', 'a'] },
  { path: ['client_ip'] },
  { path: ['list', '0'] },
  { path: ['list', '1', 'a'] },
];

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** What JSON.parse has at a path, or undefined. An array's elements are reached, nothing inherited is. */
function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (below, name) =>
      typeof below === 'object' && below !== null && Object.hasOwn(below, name)
        ? (below as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}

/** The scanner and JSON.parse agree: both refuse, or every wanted value is the same. */
function compare(reader: JsonReader, text: string): void {
  // A lone surrogate cannot be written in UTF-8: compare what the bytes say.
  const bytes = ENCODER.encode(text);
  const padded = new Uint8Array(bytes.length + 6);
  padded.fill(0x22);
  padded.set(bytes, 3);
  const draft = createDraft();
  const accepted = reader.begin(padded, 3, 3 + bytes.length, draft);
  const value = parsed(new TextDecoder().decode(bytes));
  assert.equal(accepted, value !== undefined, text);
  if (value === undefined) return;
  for (const { path } of WANTED) {
    const slot = reader.scanner.slot(...path);
    const wanted = at(value, path);
    const kind = reader.found[slot];
    if (wanted === undefined) assert.equal(kind, KIND.absent, text);
    else if (wanted === null || typeof wanted === 'boolean') assert.equal(kind, KIND.literal, text);
    else if (Array.isArray(wanted)) assert.equal(kind, KIND.array, text);
    else if (typeof wanted === 'object') assert.equal(kind, KIND.object, text);
    else if (typeof wanted === 'number') {
      assert.equal(kind, KIND.number, text);
      assert.ok(Object.is(reader.number(slot), wanted), `${text}: ${reader.number(slot)}`);
    } else {
      draft.start[FIELD.route] = -1;
      reader.text(slot, draft, FIELD.route);
      assert.equal(fieldText(draft, FIELD.route), String(wanted).toWellFormed(), text);
    }
  }
}

/** JSON text with repeated and escaped names, odd space, deep and wide values. */
const space = fc.constantFrom('', '', '', ' ', '\n', '\t \r\n');
const name = fc.oneof(
  fc.constantFrom('a', 'b', 'client_ip', 'client\\u005fip', '\\u0061', 'list', '__proto__', ''),
  fc.string({ maxLength: 3 }).map((text) => JSON.stringify(text).slice(1, -1)),
);
const scalar = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '1e5',
    '-1.5E-3',
    '0.1',
    '1e400',
    '123456789012345678',
  ),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  anyText(40).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"\\ud800"',
    '"\\ud83d\\ude00x"',
    '"\\ude00\\ud83d"',
    '"\\/\\b\\f\\n\\r\\t\\"\\\\"',
  ),
);
const { object } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 5, depthSize: 'small' }, scalar, tie('object'), tie('array')),
  object: fc
    .array(fc.tuple(space, name, space, space, tie('value'), space), { maxLength: 6 })
    .map((members) => {
      const texts = members.map(([a, key, b, c, value, d]) => `${a}"${key}"${b}:${c}${value}${d}`);
      return `{${texts.join(',')}}`;
    }),
  array: fc
    .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
    .map((members) => `[${members.map((parts) => parts.join('')).join(',')}]`),
}));

test('the scanner reads what JSON.parse reads', () => {
  const reader = new JsonReader(WANTED);
  fc.assert(
    fc.property(space, object, space, (before, text, after) => {
      compare(reader, before + text + after);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('the scanner refuses what JSON.parse refuses, and nothing else', () => {
  const reader = new JsonReader(WANTED);
  const insert = fc.constantFrom(
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '0',
    '-',
    '.',
    'e',
    '\u0001',
    'x',
  );
  fc.assert(
    fc.property(object, fc.nat(), fc.nat({ max: 2 }), insert, (text, where, remove, put) => {
      const from = where % (text.length + 1);
      compare(reader, text.slice(0, from) + put + text.slice(from + remove));
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('what was remembered of other records changes nothing', () => {
  const warm = new JsonReader(WANTED);
  fc.assert(
    fc.property(fc.array(object, { minLength: 2, maxLength: 6 }), (texts) => {
      for (const text of texts) {
        compare(warm, text);
        compare(new JsonReader(WANTED), text);
      }
    }),
    { seed: SEED, numRuns: RUNS / 20 },
  );
});

test('names beyond what is remembered are still read', () => {
  const reader = new JsonReader(WANTED);
  for (let record = 0; record < 3000; record++) {
    const names = Array.from({ length: 3 }, (_, k) => `"n${record}-${k}":{"x${k}":"y"}`);
    compare(reader, `{${names.join(',')},"a":"${record}"}`);
  }
  const wide = Array.from({ length: 500 }, (_, k) => `"w${k}":${k}`).join(',');
  compare(reader, `{${wide},"b":{"a":1,${wide}},"a":2}`);
});

test('nesting is bounded: deeper is refused without exhausting the stack', () => {
  const reader = new JsonReader(WANTED);
  const nested = (depth: number): string => `{"x":${'['.repeat(depth)}${']'.repeat(depth)},"a":1}`;
  compare(reader, nested(DEPTH_MAX));
  const draft = createDraft();
  for (const open of ['[', '{"a":', '{"zz":', '[{"b":']) {
    const bytes = ENCODER.encode(`{"b":${open.repeat(200_000)}`);
    assert.equal(reader.begin(bytes, 0, bytes.length, draft), false);
  }
  const deep = ENCODER.encode(nested(DEPTH_MAX + 1));
  assert.equal(reader.begin(deep, 0, deep.length, draft), false);
});

test('a value is skipped to its end exactly', () => {
  fc.assert(
    fc.property(object, (text) => {
      const bytes = ENCODER.encode(`${text}]`);
      assert.equal(skipValue(bytes, viewOf(bytes), 0, bytes.length), bytes.length - 1);
    }),
    { seed: SEED, numRuns: RUNS / 4 },
  );
});
