/** Which files were read as what, and what came of them. */
import path from 'node:path';
import type { Format } from '../core/format.ts';
import { REJECTION } from '../core/format.ts';
import { createCounters, type ReaderCounters, rejectedByReason } from '../ingest/reader.ts';
import type { FoundFile } from '../ingest/sources/paths.ts';
import type { SourceReading } from './contract.ts';

/** Files named of each kind. */
const NAMED_MAX = 3;

/** All that a source reads in one format and envelope. */
export interface Reading {
  readonly source: string;
  readonly format: Format;
  readonly why: string;
  /** Empty: stdin. */
  readonly files: FoundFile[];
  readonly counters: ReaderCounters;
}

export function createReading(source: string, format: Format, why: string): Reading {
  return { source, format, why, files: [], counters: createCounters() };
}

export function toldReading({ source, format, why, files, counters }: Reading): SourceReading {
  return {
    source,
    format: format.id,
    ...(format.envelope === undefined ? {} : { envelope: format.envelope }),
    why,
    files: files.length,
    names: files.slice(0, NAMED_MAX).map((file) => path.basename(file.path)),
    records: counters.records,
    events: counters.outcomes[REJECTION.ok]!,
    rejected: rejectedByReason(counters),
  };
}
