/** A format and an enricher small enough to see through: `AT KEY` a line, or {"at":…,"key":…}. */
import { type Format, REJECTION } from '../../core/format.ts';
import { FIELD, fieldText, resetDraft } from '../../core/record.ts';
import type { RecordBatch, Source } from '../../core/source.ts';
import type { Enricher, SourceTraits } from '../../enrich/contract.ts';
import { createDeadLetters } from '../../ingest/dead-letters.ts';
import { createCounters, type EventReaderOptions } from '../../ingest/reader.ts';

function toyFormat(framing: 'lines' | 'json', pattern: RegExp): Format {
  return {
    id: `toy-${framing}`,
    summary: 'for tests',
    framing,
    gateway: 'toy',
    identity: 'attested',
    latenessMs: 1000,
    requestId: 'none',
    createDecoder: () => ({
      decode(bytes, start, end, draft) {
        resetDraft(draft, bytes);
        const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
        const match = pattern.exec(text);
        if (match === null) return text.startsWith('#') ? REJECTION.ignored : REJECTION.malformed;
        draft.at = Number(match[1]);
        const key = match[2] ?? '';
        if (key !== '') {
          draft.start[FIELD.credentialId] = start + text.indexOf(key);
          draft.end[FIELD.credentialId] = start + text.indexOf(key) + key.length;
        }
        return REJECTION.ok;
      },
    }),
    recognise: () => ({ confidence: 0, why: 'only by name' }),
  };
}

export const toyLines = toyFormat('lines', /^(\d+)(?: (\S+))?$/);
export const toyJson = toyFormat(
  'json',
  /^\{\s*"at"\s*:\s*(\d+)(?:\s*,\s*"key"\s*:\s*"([^"]+)")?\s*\}$/,
);

export const toyEnricher: Enricher = {
  resolve(draft, traits, event) {
    const id = fieldText(draft, FIELD.credentialId);
    if (id === '') return REJECTION.noKey;
    event.at = draft.at;
    event.key = { id: `toy:${id}`, digest0: 1, digest1: 2, digest2: 3, digest3: 4 };
    event.mayAct = traits.trust === 'act';
    return REJECTION.ok;
  },
  ahead: () => 0,
  flawed: { address: 0, 'time-zone': 0, status: 0, number: 0 },
  geographyVersion: 'none',
};

export function toyTraits(name: string, format: Format = toyLines): SourceTraits {
  return {
    name,
    format,
    key: undefined,
    keyField: false,
    identity: undefined,
    trust: 'act',
    environment: undefined,
    keyNames: [],
  };
}

/** Options of a reader that keeps what it is told in arrays. */
export function toyReader(source: Source, format: Format = toyLines) {
  const opened: string[] = [];
  const applied: { stream: string; position: number; ended: boolean }[] = [];
  const deadLetters = createDeadLetters(10);
  const options: EventReaderOptions = {
    source,
    traits: toyTraits(source.name, format),
    decoder: format.createDecoder({}),
    enricher: toyEnricher,
    counters: createCounters(),
    deadLetters,
    clock: { now: () => 1_000_000 },
    openStream: (stream) => opened.push(stream) - 1,
    onApplied: ({ stream, position, ended }) => applied.push({ stream, position, ended }),
  };
  return { options, opened, applied, deadLetters };
}

export interface SeenRecord {
  readonly stream: string;
  readonly position: number;
  readonly text: string;
}

export function recordsOf(batch: RecordBatch): SeenRecord[] {
  return Array.from({ length: batch.count }, (_, i) => ({
    stream: batch.stream,
    position: batch.positions[i]!,
    text: Buffer.from(batch.bytes.subarray(batch.starts[i]!, batch.ends[i]!)).toString(),
  }));
}

export const never: AbortSignal = new AbortController().signal;

export async function readAll(source: Source): Promise<SeenRecord[]> {
  const records: SeenRecord[] = [];
  for (;;) {
    const batch = await source.read(never);
    if (batch === undefined) break;
    records.push(...recordsOf(batch));
  }
  await source.close();
  return records;
}
