/** What ingest sees of enrichment: draft → event, with the raw key gone when it returns. */
import type { ApiEvent } from '../core/event.ts';
import type { Format } from '../core/format.ts';
import type { KeySpec } from '../core/key-spec.ts';
import type { RecordDraft } from '../core/record.ts';

/** What is known about all records of one source. */
export interface SourceTraits {
  readonly name: string;
  readonly format: Format;
  readonly key: KeySpec | undefined;
  /** The operator named the field of the key in a mapping (`fields`). */
  readonly keyField: boolean;
  /** Configured, else undefined: then the format and the rule of design.md §4.2 decide. */
  readonly identity: 'attested' | 'claimed' | undefined;
  readonly trust: 'observe' | 'act';
  /** What the gateway serves, e.g. production; undefined when nobody said. */
  readonly environment: string | undefined;
  /** Header and query names that may carry a raw key, lower case. */
  readonly keyNames: readonly string[];
}

/** Why a record was kept although a field was unusable. */
export const FLAWS = ['address', 'time-zone', 'status', 'number'] as const;
export type Flaw = (typeof FLAWS)[number];

export interface Enricher {
  /**
   * Fills `event` (all but stream and position) from `draft` and answers an index of REJECTIONS
   * (`ok`, `no-key`, `ambiguous-key`). Flawed fields are left absent and counted by `flawed`.
   */
  resolve(draft: RecordDraft, traits: SourceTraits, event: ApiEvent): number;
  /**
   * Looks up what `resolve` will need for drafts[0, count), without an answer, so that what is in no cache of the
   * processor is waited for together: a line of memory costs 100 ns alone, 10 to 15 among others. Leaves hints in
   * the drafts; changes nothing else. The number has no meaning.
   */
  ahead(drafts: readonly RecordDraft[], count: number, traits: SourceTraits): number;
  /** Counters by flaw since the start. */
  readonly flawed: Readonly<Record<Flaw, number>>;
  /** Version of the geography data, e.g. `geoip-lite 2.0.3 (city a1b2c3d4)`. */
  readonly geographyVersion: string;
}
