/** Drafts and traits for the tests of enrichment. */
import type ipaddr from 'ipaddr.js';
import { createEvent, type Place, UNKNOWN_PLACE } from '../../core/event.ts';
import type { Format } from '../../core/format.ts';
import {
  AUTH,
  createDraft,
  FIELD,
  type FieldName,
  type RecordDraft,
  resetDraft,
} from '../../core/record.ts';
import type { SourceTraits } from '../../enrich/contract.ts';
import { createEnricher, type EnricherOptions } from '../../enrich/enricher.ts';
import type { Geography } from '../../enrich/geography.ts';
import { pepperKey } from '../../enrich/pepper.ts';

export const PEPPER = pepperKey('a pepper for tests only, 32 bytes');
export const AT = Date.parse('2026-03-01T10:00:00.123Z');

/** Every address is in its own country by its last byte, so tests need no data. */
export const FLAT_EARTH: Geography = {
  version: 'flat earth 1',
  placeOf: (address: ipaddr.IPv4 | ipaddr.IPv6): Place => ({
    ...UNKNOWN_PLACE,
    city: address.toString(),
    kind: 'public',
  }),
  info: () => ({ source: 'mmdb', version: 'flat earth 1' }),
};

export function enricher(options: Partial<EnricherOptions> = {}) {
  return createEnricher({ pepper: PEPPER, geography: FLAT_EARTH, cacheSlots: 1024, ...options });
}

export function format(change: Partial<Format> = {}): Format {
  return {
    id: 'kong',
    summary: 'a format for tests',
    framing: 'lines',
    gateway: 'kong',
    identity: 'attested',
    latenessMs: 60_000,
    requestId: 'gateway',
    createDecoder: () => ({ decode: () => 0 }),
    recognise: () => ({ confidence: 0, why: '' }),
    ...change,
  };
}

export function traits(change: Partial<SourceTraits> = {}): SourceTraits {
  return {
    name: 'test',
    format: format(),
    key: undefined,
    keyField: false,
    identity: undefined,
    trust: 'act',
    environment: undefined,
    keyNames: ['apikey', 'x-api-key', 'api_key', 'api-key'],
    ...change,
  };
}

type Numbers = Partial<
  Pick<
    RecordDraft,
    'at' | 'auth' | 'status' | 'durationMs' | 'bytesIn' | 'bytesOut' | 'limitedBy' | 'place'
  >
>;

/** A draft with these texts; some fields lie in `scratch`, as formats may put them there. */
export function draft(texts: Partial<Record<FieldName, string>>, numbers: Numbers = {}) {
  const made = createDraft();
  const encoded = Object.entries(texts).map(
    ([name, text]) => [name as FieldName, Buffer.from(text, 'utf8')] as const,
  );
  const all = Buffer.concat([Buffer.from('{"x":"'), ...encoded.map(([, bytes]) => bytes)]);
  resetDraft(made, all);
  made.scratch = all;
  let at = 6;
  for (const [name, bytes] of encoded) {
    made.start[FIELD[name]] = at;
    made.end[FIELD[name]] = at + bytes.length;
    made.inScratch[FIELD[name]] = at % 2;
    at += bytes.length;
  }
  return Object.assign(made, { at: AT, auth: AUTH.ok, status: 200 }, numbers);
}

/** Resolves one record and answers the rejection's index with the event. */
export function resolve(
  texts: Partial<Record<FieldName, string>>,
  options: { traits?: SourceTraits; numbers?: Numbers; by?: ReturnType<typeof enricher> } = {},
) {
  const event = createEvent();
  const by = options.by ?? enricher();
  const code = by.resolve(draft(texts, options.numbers), options.traits ?? traits(), event);
  return { code, event, by };
}
