/**
 * What every format must keep, for every format of the list and every fixture case found by folder. A new format
 * needs no line here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Decoder, type Format, REJECTION, REJECTIONS } from '../../../core/format.ts';
import { createDraft, FIELD, fieldBytes, type RecordDraft } from '../../../core/record.ts';
import { detectFormat } from '../../../ingest/detection.ts';
import { FORMATS, formatById } from '../../../ingest/formats/list.ts';
import { anyText } from '../../support/any-text.ts';
import {
  type Case,
  casesOf,
  decodeIn,
  describe,
  ENCODER,
  FIELD_NAMES,
  fixtureFolders,
  TEXT,
} from './cases.ts';
import { spoofed } from './spoof.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20260301);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);

const CASES = FORMATS.flatMap((format) => casesOf(format.id));

test('every format has fixtures, and every fixture folder a format', () => {
  for (const format of FORMATS) {
    assert.ok(casesOf(format.id).length > 0, `no fixtures for ${format.id}`);
  }
  assert.deepEqual([...fixtureFolders()].sort(), FORMATS.map((format) => format.id).sort());
});

for (const format of FORMATS) {
  test(`${format.id}: declares identity, lateness, request id and gateway`, () => {
    assert.ok(['attested', 'claimed', 'record'].includes(format.identity));
    assert.ok(['gateway', 'client', 'none'].includes(format.requestId));
    assert.ok(['lines', 'json'].includes(format.framing));
    assert.ok(format.latenessMs >= 1000 && format.latenessMs <= 3_600_000);
    assert.match(format.gateway, /^[a-z][a-z0-9-]*$/);
    assert.ok(format.summary.length > 0 && format.summary.length <= 100);
    assert.ok(Object.isFrozen(format));
  });
}

for (const fixture of CASES) {
  const format = formatById(fixture.formatId);
  const decoder = format.createDecoder(fixture.options);

  test(`${fixture.name}: records decode to what is expected`, () => {
    assert.equal(fixture.records.length, fixture.expected.length);
    fixture.records.forEach((record, k) => {
      assert.deepEqual(decodeIn(decoder, record), fixture.expected[k], `record ${k + 1}`);
    });
  });

  test(`${fixture.name}: no hostile record is accepted`, () => {
    fixture.hostile.forEach((record, k) => {
      assert.notEqual(decodeIn(decoder, record).result, 'ok', `hostile record ${k + 1}`);
    });
  });

  test(`${fixture.name}: blank records are ignored, not counted as faults`, () => {
    for (const text of ['', ' ', '\t', '  \r']) {
      assert.equal(decodeIn(decoder, ENCODER.encode(text)).result, 'ignored');
    }
  });

  test(`${fixture.name}: a record does not depend on the ones before it`, () => {
    const draft = createDraft();
    const all = [...fixture.records, ...fixture.hostile];
    const alone = all.map((record) => decodeIn(format.createDecoder(fixture.options), record));
    for (const before of all) {
      for (const [k, record] of all.entries()) {
        decodeIn(decoder, before, draft);
        assert.deepEqual(decodeIn(decoder, record, draft), alone[k]);
      }
    }
  });

  test(`${fixture.name}: any bytes: never throws, never writes, always the same answer`, () => {
    fc.assert(
      fc.property(mutated([...fixture.records, ...fixture.hostile]), (record) => {
        checkAnswer(format, fixture, decoder, record);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`${fixture.name}: what a client writes changes no field but its own`, () => {
    let injected = 0;
    for (const [k, record] of fixture.records.entries()) {
      const expected = fixture.expected[k]!;
      for (const { field, bytes, text } of spoofed(format, fixture, record, expected)) {
        const decoded = decodeIn(decoder, bytes);
        const wanted = { ...expected, text: { ...expected.text, [field]: text } };
        assert.deepEqual(decoded, wanted, `record ${k + 1}, ${field}`);
        injected++;
      }
    }
    assert.ok(injected >= fixture.records.length, `only ${injected} places to write into`);
  });

  if (fixture.isJson) {
    test(`${fixture.name}: layout and order of names do not matter`, () => {
      fixture.records.forEach((record, k) => {
        for (const text of relaid(TEXT.decode(record))) {
          assert.deepEqual(decodeIn(decoder, ENCODER.encode(text)), fixture.expected[k], text);
        }
      });
    });
  }

  if (!fixture.hasOptions) {
    test(`${fixture.name}: is recognised, or a format that reads it alike is`, () => {
      const sample = ENCODER.encode(fixture.records.map((r) => `${TEXT.decode(r)}\n`).join(''));
      const found = detectFormat(sample);
      assert.ok(found.format !== undefined, found.why);
      const other = found.format.createDecoder(fixture.options);
      const read = fixture.records.map((record) => decodeIn(other, record));
      assert.deepEqual(read, fixture.expected, `${found.format.id}: ${found.why}`);
      assert.match(found.why, /\d/, 'the reason can be checked');
    });
  }
}

/** A record with bytes changed, cut, doubled or put in; or any bytes at all. */
function mutated(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    at: fc.nat(),
    remove: fc.nat({ max: 12 }),
    insert: fc.oneof(
      fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', ' ', '\\"', '\\u', '\\x', '-', '0'),
      anyText(6),
    ),
  });
  const changed = fc
    .record({ seed: fc.nat(), edits: fc.array(edit, { minLength: 1, maxLength: 4 }) })
    .map(({ seed, edits }) => {
      let bytes = seeds[seed % seeds.length]!;
      for (const { at, remove, insert } of edits) {
        const from = at % (bytes.length + 1);
        bytes = Buffer.concat([
          bytes.subarray(0, from),
          ENCODER.encode(insert),
          bytes.subarray(from + remove),
        ]);
      }
      return new Uint8Array(bytes);
    });
  const cut = fc
    .nat()
    .map((seed) => seeds[seed % seeds.length]!)
    .chain((bytes) => fc.nat({ max: bytes.length }).map((at) => bytes.slice(0, at)));
  return fc.oneof(changed, cut, fc.uint8Array({ maxLength: 200 }));
}

function checkAnswer(format: Format, fixture: Case, warm: Decoder, record: Uint8Array): void {
  const copy = record.slice();
  const draft = createDraft();
  const result = warm.decode(record, 0, record.length, draft);
  assert.ok(result >= 0 && result < REJECTIONS.length);
  assert.deepEqual(record, copy, 'the input was written to');
  if (result === REJECTION.ok) checkRanges(draft, record);
  const fresh = createDraft();
  const again = format.createDecoder(fixture.options).decode(record, 0, record.length, fresh);
  assert.deepEqual(describe(result, draft), describe(again, fresh));
}

function checkRanges(draft: RecordDraft, record: Uint8Array): void {
  assert.ok(Number.isFinite(draft.at) && draft.at > 0);
  assert.ok([0, -1].includes(draft.status) || (draft.status >= 100 && draft.status <= 599));
  for (const value of [draft.durationMs, draft.bytesIn, draft.bytesOut]) {
    assert.ok(Number.isFinite(value) && (value === -1 || value >= 0));
  }
  for (const name of FIELD_NAMES) {
    const start = draft.start[FIELD[name]]!;
    if (start === -1) continue;
    const end = draft.end[FIELD[name]]!;
    const size = fieldBytes(draft, FIELD[name]).length;
    assert.ok(start >= 0 && start < end && end <= size, `${name}: [${start}, ${end}) of ${size}`);
    if (draft.inScratch[FIELD[name]] === 0) assert.ok(end <= record.length);
  }
}

/** The same JSON written otherwise: indented, with spaces, names escaped, and a repeated first name. */
function relaid(text: string): string[] {
  const value: unknown = JSON.parse(text);
  const escaped = text.replaceAll(/"([a-z_A-Z]\w*)":/g, (_, name: string) => {
    const code = name
      .charCodeAt(name.length - 1)
      .toString(16)
      .padStart(4, '0');
    return `"${name.slice(0, -1)}\\u${code}" :`;
  });
  const first = Object.keys(value as object)[0];
  return [
    JSON.stringify(value, null, 2),
    JSON.stringify(reversed(value)),
    escaped,
    text.replace('{', `{ ${JSON.stringify(first)} : {"at":1,"deep":[{}]} , `),
  ];
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, below]) => [name, reversed(below)]),
  );
}
