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
import { createDraft } from '../../../core/record.ts';
import { mask } from '../../../ingest/dead-letters.ts';
import { FORMATS } from '../../../ingest/formats/list.ts';
import { KEY_NAMES } from '../../../ingest/raw-key.ts';
import { enricher } from '../../enrich/fakes.ts';
import { casesOf, TEXT } from './cases.ts';
import { AROUND, CANARIES, ENCODINGS, keyOf, type Plan, planted } from './planted.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20260301);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);

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
        environment: undefined,
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
