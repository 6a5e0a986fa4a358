/** What formats and detectors bring into the configuration: their names and settings. */
import { ALL_DETECTORS } from '../../detectors/list.ts';
import { FORMATS } from '../../ingest/formats/list.ts';
import type { FormatTraits } from './rules.ts';
import type { PartSchema } from './schema.ts';

export interface ConfigParts {
  readonly formats: readonly FormatTraits[];
  readonly detectors: readonly PartSchema[];
}

export const CONFIG_PARTS: ConfigParts = Object.freeze({
  formats: FORMATS,
  detectors: ALL_DETECTORS.map(({ id, summary, config }) => ({ id, summary, schema: config })),
});
