/**
 * A raw key that a record shows is in nothing that is made of the record, in whatever other places of the record it
 * stands and however it is written there: for every format of the list, every fixture case, every place. What is
 * rejected is masked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEvent } from '../../../core/event.ts';
import { REJECTION } from '../../../core/format.ts';
import { createDraft, FIELD, hasField } from '../../../core/record.ts';
import { mask } from '../../../ingest/dead-letters.ts';
import { FORMATS, formatById } from '../../../ingest/formats/list.ts';
import { KEY_NAMES } from '../../../ingest/raw-key.ts';
import { enricher } from '../../enrich/fakes.ts';
import { type Case, casesOf, ENCODER, FIELD_NAMES, TEXT } from './cases.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20260301);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);

const hex = (raw: string) => Buffer.from(raw).toString('hex');
const ENCODINGS: readonly ((raw: string) => string)[] = [
  (raw) => raw,
  (raw) => raw.toUpperCase(),
  (raw) => hex(raw).replaceAll(/../g, '%$&'),
  (raw) => hex(raw).replaceAll(/../g, '%25$&'),
  (raw) => Buffer.from(raw).toString('base64url'),
  (raw) => Buffer.from(`u:${raw}`).toString('base64url'),
  hex,
];
/** Both have letters only or no letters that JSON, a URL or a log line would escape. */
const CANARIES = ['hunterkestrel', 'kx_live_0123456789abcdef'];
const AROUND: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `/v1/${text}/x`,
  (text) => `a ${text} b`,
];

interface Plan {
  readonly raw: string;
  /** For each place in turn: how the key is written there, or that it is not. */
  readonly places: readonly {
    readonly put: boolean;
    readonly encoding: number;
    readonly around: number;
  }[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  raw: fc.constantFrom(...CANARIES),
  places: fc.array(
    fc.record({
      put: fc.boolean(),
      encoding: fc.nat({ max: ENCODINGS.length - 1 }),
      around: fc.nat({ max: AROUND.length - 1 }),
    }),
    { minLength: 8, maxLength: 8 },
  ),
});

/** The record with the key in its own place and, as planned, in others; undefined where it shows no raw key. */
function planted(fixture: Case, record: Uint8Array, plan: Plan): Uint8Array | undefined {
  const { raw } = plan;
  const own = keyOf(fixture, record);
  if (own === undefined) return undefined;
  let place = 0;
  const written = (value: string): string => {
    const { put, encoding, around } = plan.places[place++ % plan.places.length]!;
    return put ? value + AROUND[around]!(ENCODINGS[encoding]!(raw)) : value;
  };
  const text = TEXT.decode(record).replaceAll(own, raw);
  if (formatById(fixture.formatId).framing === 'json') {
    const value: unknown = JSON.parse(text, (_, below: unknown) =>
      typeof below === 'string' && below !== raw ? written(below) : below,
    );
    return ENCODER.encode(JSON.stringify(value));
  }
  const bytes = ENCODER.encode(text);
  const draft = createDraft();
  formatById(fixture.formatId).createDecoder(fixture.options).decode(bytes, 0, bytes.length, draft);
  const ends = FIELD_NAMES.filter(
    (name) =>
      // Text behind an address makes another field of it, and so of the key another key.
      name !== 'clientAddress' &&
      name !== 'rawKey' &&
      hasField(draft, FIELD[name]) &&
      draft.inScratch[FIELD[name]] === 0,
  ).map((name) => draft.end[FIELD[name]]!);
  let line = Buffer.from(bytes);
  for (const end of ends.sort((a, b) => b - a)) {
    line = Buffer.concat([line.subarray(0, end), ENCODER.encode(written('')), line.subarray(end)]);
  }
  return line;
}

/** The raw key that a fixture record shows, as its bytes have it. */
function keyOf(fixture: Case, record: Uint8Array): string | undefined {
  const expected = fixture.expected[fixture.records.indexOf(record)]?.text;
  const query = new RegExp(`[?&](?:${KEY_NAMES.join('|')})=([A-Za-z0-9_-]+)`);
  const own = expected?.rawKey ?? query.exec(expected?.target ?? '')?.[1];
  return own !== undefined && own.length > 3 && TEXT.decode(record).includes(own) ? own : undefined;
}

function assertHidden(made: unknown, raw: string, what: string): void {
  const forms = ENCODINGS.map((encode) => encode(raw).toLowerCase());
  const text = JSON.stringify(made).toLowerCase();
  for (const form of forms) assert.ok(!text.includes(form), `${form} of ${what}: ${text}`);
}

for (const format of FORMATS) {
  for (const fixture of casesOf(format.id)) {
    const shown = fixture.records.filter((record) => keyOf(fixture, record) !== undefined);
    if (shown.length === 0) continue;
    test(`${fixture.name}: a raw key is in no event and no dead letter`, () => {
      const by = enricher();
      const decoder = format.createDecoder(fixture.options);
      const traits = {
        name: 'canary',
        format,
        key: fixture.options.key,
        keyField: fixture.options.fields?.['key'] !== undefined,
        identity: undefined,
        trust: 'act',
        keyNames: fixture.options.keyNames ?? KEY_NAMES,
      } as const;
      let accepted = 0;
      fc.assert(
        fc.property(fc.constantFrom(...shown), plans, (record, plan) => {
          const bytes = planted(fixture, record, plan)!;
          const draft = createDraft();
          const event = createEvent();
          let result = decoder.decode(bytes, 0, bytes.length, draft);
          if (result === REJECTION.ok) result = by.resolve(draft, traits, event);
          if (result === REJECTION.ok) accepted++;
          const what = TEXT.decode(bytes);
          assertHidden(result === REJECTION.ok ? event : '', plan.raw, what);
          assertHidden(mask(bytes, 0, bytes.length), plan.raw, what);
          for (const cut of [bytes.length >> 1, bytes.length - 1]) {
            assertHidden(mask(bytes, 0, cut), plan.raw, what);
          }
        }),
        { seed: SEED, numRuns: RUNS },
      );
      assert.ok(accepted > RUNS / 20, `only ${accepted} accepted`);
    });
  }
}
