/** What formats of JSON records share: named places in a record, read alike, and recognition by those names. */
import { type FormatOptions, REJECTION, type Recognition } from '../core/format.ts';
import { FIELD, type RecordDraft } from '../core/record.ts';
import { KIND, type WantedPath } from './json-paths.ts';
import { ascii, isBlank, JsonReader, type TextPlan, textPlan } from './json-read.ts';
import { JsonScanner } from './json-scan.ts';
import { dottedPath, keyHeaders, takeRawKey } from './raw-key.ts';
import { byShare, type Range, sampleObjects } from './sample.ts';

/** Our name of a place → where it is. */
export type Places<Name extends string> = Readonly<Record<Name, WantedPath>>;
/** Places and the text fields they fill; several places of one field stand in order of preference. */
export type PlaceTexts<Name extends string> = readonly (readonly [Name, number])[];

export function at(...path: readonly string[]): WantedPath {
  return { path };
}

/** A header: its name is compared without regard to case. */
export function headerAt(...path: readonly string[]): WantedPath {
  return { path, fold: true };
}

/** Where a raw key may stand: in one of the headers logged under `headers`, or the field that `--key` names. */
export function keyPlaces(options: FormatOptions, ...headers: readonly string[]): WantedPath[] {
  if (options.key?.kind === 'field') return [at(...dottedPath(options.key.name))];
  return keyHeaders(options).map((name) => headerAt(...headers, name));
}

export class PlacesReader<Name extends string> extends JsonReader {
  readonly slots: Readonly<Record<Name, number>>;
  private readonly texts: TextPlan;
  private readonly keySlots: readonly number[];

  constructor(
    places: Places<Name>,
    texts: PlaceTexts<Name>,
    keys: readonly WantedPath[],
    dashIsAbsent = false,
    others: readonly WantedPath[] = [],
  ) {
    const names = Object.keys(places) as Name[];
    super([...names.map((name) => places[name]), ...keys, ...others], dashIsAbsent);
    const slotOf = ({ path, fold }: WantedPath): number =>
      this.scanner.slot(
        ...(fold === true ? [...path.slice(0, -1), path.at(-1)!.toLowerCase()] : path),
      );
    this.slots = Object.fromEntries(
      names.map((name) => [name, slotOf(places[name])]),
    ) as unknown as Record<Name, number>;
    this.texts = textPlan(texts.map(([name, field]) => [this.slots[name], field]));
    this.keySlots = keys.map(slotOf);
  }

  /** Empties the draft, scans and fills the texts. Answers an index of REJECTIONS. */
  open(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    if (this.begin(bytes, start, end, draft)) {
      this.fill(this.texts, draft);
      return REJECTION.ok;
    }
    return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
  }

  /** Takes the raw key. A credential's id alone says which key it was; without one, two keys are ambiguous. */
  takeKey(draft: RecordDraft): number {
    const single = takeRawKey(this, this.keySlots, draft);
    return single || draft.start[FIELD.credentialId]! >= 0 ? REJECTION.ok : REJECTION.ambiguousKey;
  }

  /** True when Keyhound's own decision endpoint refused the request, as the answer's header says. */
  refusedByKeyhound(slot: number): boolean {
    return this.firstIs(slot, THROTTLE) || this.firstIs(slot, REFUSE);
  }
}

const THROTTLE = ascii('throttle');
const REFUSE = ascii('refuse');

/** Judges a sample by the objects that have, of each group, at least one path. `says` names the groups. */
export function recogniseObjects(
  sample: Uint8Array,
  groups: readonly (readonly WantedPath[])[],
  says: string,
  certain: number,
): Recognition {
  const { matching, total } = countObjects(sample, groups, sampleObjects(sample));
  return byShare(matching, total, 'records', says, certain);
}

/** How many of the records are objects that have, of each group, at least one path. */
export function countObjects(
  sample: Uint8Array,
  groups: readonly (readonly WantedPath[])[],
  records: readonly Range[],
): { matching: number; total: number } {
  const scanner = new JsonScanner(groups.flat());
  const slots = groups.map((group) => group.map(({ path }) => scanner.slot(...path)));
  const matching = records.filter(
    ({ start, end }) =>
      scanner.scan(sample, start, end) &&
      slots.every((group) => group.some((slot) => scanner.found[slot] !== KIND.absent)),
  );
  return { matching: matching.length, total: records.length };
}
