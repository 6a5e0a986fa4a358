/**
 * Fixture cases of formats, found by folder: test/fixtures/formats/ID or test/fixtures/formats/ID/CASE holding
 * `records.*` (one record a line), `expected.ndjson` (what each decodes to), and, where needed, `options.json`
 * (FormatOptions, `key` as on the command line) and `hostile.*` (records that no decoder may accept).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Decoder, type FormatOptions, REJECTIONS } from '../../../core/format.ts';
import { parseKeySpec } from '../../../core/key-spec.ts';
import {
  AUTH,
  createDraft,
  FIELD,
  type FieldName,
  fieldText,
  hasField,
  LIMITED_BY,
  type RecordDraft,
} from '../../../core/record.ts';

const ROOT = join(import.meta.dirname, '../../fixtures/formats');

export interface Case {
  readonly name: string;
  readonly formatId: string;
  readonly options: FormatOptions;
  /** True when the format cannot be known from the records alone. */
  readonly hasOptions: boolean;
  /** The records are JSON that the format reads as such (`records.ndjson`), not lines of text. */
  readonly isJson: boolean;
  readonly records: readonly Uint8Array[];
  readonly expected: readonly Decoded[];
  readonly hostile: readonly Uint8Array[];
}

/** A decoded record as fixtures spell it: absent values are left out. */
export interface Decoded {
  readonly result: string;
  readonly at?: string;
  readonly auth?: string;
  readonly limitedBy?: string;
  readonly status?: number;
  readonly durationMs?: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  readonly place?: unknown;
  readonly text?: Partial<Record<FieldName, string>>;
}

export function casesOf(formatId: string): Case[] {
  const folder = join(ROOT, formatId);
  if (!existsSync(folder)) return [];
  const own = fileIn(folder, 'records') === undefined ? [] : [readCase(formatId, folder, formatId)];
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => readCase(formatId, join(folder, name), `${formatId}/${name}`));
  return [...own, ...below];
}

export function fixtureFolders(): string[] {
  return readdirSync(ROOT);
}

function readCase(formatId: string, folder: string, name: string): Case {
  const optionsPath = join(folder, 'options.json');
  const hasOptions = existsSync(optionsPath);
  const raw = hasOptions
    ? (JSON.parse(readFileSync(optionsPath, 'utf8')) as FormatOptions & { key?: string })
    : {};
  const expected = join(folder, 'expected.ndjson');
  return {
    name,
    formatId,
    hasOptions,
    isJson: fileIn(folder, 'records')?.endsWith('.ndjson') === true,
    options: { ...raw, key: raw.key === undefined ? undefined : parseKeySpec(raw.key) },
    records: linesOf(fileIn(folder, 'records')),
    expected: existsSync(expected)
      ? linesOf(expected).map((line) => JSON.parse(TEXT.decode(line)) as Decoded)
      : [],
    hostile: linesOf(fileIn(folder, 'hostile')),
  };
}

function fileIn(folder: string, stem: string): string | undefined {
  const name = readdirSync(folder).find((entry) => entry.startsWith(`${stem}.`));
  return name === undefined ? undefined : join(folder, name);
}

function linesOf(path: string | undefined): Uint8Array[] {
  if (path === undefined) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => ENCODER.encode(line));
}

export const FIELD_NAMES = Object.keys(FIELD) as FieldName[];

/** Decodes a record standing in the middle of a larger buffer, as in a batch. */
export function decodeIn(decoder: Decoder, record: Uint8Array, draft = createDraft()): Decoded {
  const bytes = new Uint8Array(record.length + 14);
  bytes.set(ENCODER.encode('"},\n\\'), 0);
  bytes.set(record, 5);
  bytes.set(ENCODER.encode('"}]\n00000'), 5 + record.length);
  const result = decoder.decode(bytes, 5, 5 + record.length, draft);
  return describe(result, draft);
}

export function describe(result: number, draft: RecordDraft): Decoded {
  const word = REJECTIONS[result] ?? `unknown result ${result}`;
  if (word !== 'ok') return { result: word };
  const text: Partial<Record<FieldName, string>> = {};
  for (const name of FIELD_NAMES) {
    if (hasField(draft, FIELD[name])) text[name] = fieldText(draft, FIELD[name]);
  }
  return {
    result: word,
    at: new Date(draft.at).toISOString(),
    auth: nameOf(AUTH, draft.auth),
    limitedBy: nameOf(LIMITED_BY, draft.limitedBy),
    ...(draft.status === 0 ? {} : { status: draft.status }),
    ...(draft.durationMs < 0 ? {} : { durationMs: draft.durationMs }),
    ...(draft.bytesIn < 0 ? {} : { bytesIn: draft.bytesIn }),
    ...(draft.bytesOut < 0 ? {} : { bytesOut: draft.bytesOut }),
    ...(draft.place === undefined ? {} : { place: asJson(draft.place) }),
    text,
  };
}

/** An unknown coordinate is NaN in memory, null in a fixture. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function nameOf(words: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(words).find((word) => words[word] === value) ?? 'unknown value';
}

export const ENCODER = new TextEncoder();
export const TEXT = new TextDecoder();
