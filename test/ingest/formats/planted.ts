/** Fixture records with a raw key put into their other places, written as a log may write it. */
import { createDraft, FIELD, hasField } from '../../../core/record.ts';
import { formatById } from '../../../ingest/formats/list.ts';
import { KEY_NAMES } from '../../../ingest/raw-key.ts';
import { type Case, ENCODER, FIELD_NAMES, TEXT } from './cases.ts';

const hex = (raw: string) => Buffer.from(raw).toString('hex');
export const ENCODINGS: readonly ((raw: string) => string)[] = [
  (raw) => raw,
  (raw) => raw.toUpperCase(),
  (raw) => hex(raw).replaceAll(/../g, '%$&'),
  (raw) => hex(raw).replaceAll(/../g, '%25$&'),
  (raw) => Buffer.from(raw).toString('base64url'),
  (raw) => Buffer.from(`u:${raw}`).toString('base64url'),
  hex,
];
/** Both have letters only or no letters that JSON, a URL or a log line would escape. */
export const CANARIES = ['hunterkestrel', 'kx_live_0123456789abcdef'];
export const AROUND: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `/v1/${text}/x`,
  (text) => `a ${text} b`,
];

export interface Plan {
  readonly raw: string;
  /** For each place in turn: how the key is written there, or that it is not. */
  readonly places: readonly {
    readonly put: boolean;
    readonly encoding: number;
    readonly around: number;
  }[];
}

/** The record with the key in its own place and, as planned, in others; undefined where it shows no raw key. */
export function planted(fixture: Case, record: Uint8Array, plan: Plan): Uint8Array | undefined {
  const { raw } = plan;
  const own = keyOf(fixture, record);
  if (own === undefined) return undefined;
  let place = 0;
  const written = (value: string): string => {
    const { put, encoding, around } = plan.places[place++ % plan.places.length]!;
    return put ? value + AROUND[around]!(ENCODINGS[encoding]!(raw)) : value;
  };
  const text = TEXT.decode(record).replaceAll(own, raw);
  if (fixture.isJson) {
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
export function keyOf(fixture: Case, record: Uint8Array): string | undefined {
  const expected = fixture.expected[fixture.records.indexOf(record)]?.text;
  const query = new RegExp(`[?&](?:${KEY_NAMES.join('|')})=([A-Za-z0-9_-]+)`);
  const own = expected?.rawKey ?? query.exec(expected?.target ?? '')?.[1];
  return own !== undefined && own.length > 3 && TEXT.decode(record).includes(own) ? own : undefined;
}
