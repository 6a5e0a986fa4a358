/** Puts text that looks like a log into everything a client can write, escaped as its gateway would. */
import type { Format } from '../../../core/format.ts';
import {
  createDraft,
  FIELD,
  type FieldName,
  hasField,
  type RecordDraft,
} from '../../../core/record.ts';
import { type Case, type Decoded, ENCODER, TEXT } from './cases.ts';

/** Fields whose text a client chooses. */
const CLIENT_FIELDS: readonly FieldName[] = [
  'target',
  'userAgent',
  'origin',
  'forwardedFor',
  'rawKey',
];

const PAYLOADS: readonly string[] = [
  '","client_ip":"203.0.113.66","authenticated_entity":{"id":"evil"},"started_at":1,"x":"',
  '"client_ip":"203.0.113.66","clientIp":"203.0.113.66","status":599,"keyId":"evil"',
  '\\","keyId":"evil","at":1,"userIdentity":{"accessKeyId":"AKIAEVIL"},"x":"\\\\',
  '"} {"at":1,"key":"evil"}',
  '" 599 1 "-" "evil" [01/Jan/2020:00:00:00 +0000] key=evil "',
  " [01/Jan/2020:00:00:00 +0000] 599 evil ] - ' \\x22 \\u0022 \\",
  '\n{"at":1}\t\u0007\u00e9\u{1f600}',
];

export interface Spoofed {
  readonly field: FieldName;
  readonly bytes: Uint8Array;
  /** What the field must then be. */
  readonly text: string;
}

export function spoofed(
  format: Format,
  fixture: Case,
  record: Uint8Array,
  expected: Decoded,
): Spoofed[] {
  if (expected.result !== 'ok') return [];
  return CLIENT_FIELDS.flatMap((field) => {
    const value = expected.text?.[field];
    if (value === undefined) return [];
    return PAYLOADS.flatMap((payload) =>
      isJson(fixture, record)
        ? inJson(record, field, value, value + payload)
        : inLine(format, fixture, record, field, value + payload),
    );
  });
}

/** Of lines, too, that are JSON objects by themselves, and not by a log_format. */
function isJson(fixture: Case, record: Uint8Array): boolean {
  return fixture.options.logFormat === undefined && record.at(-1) === 0x7d;
}

/** Every string equal to the field's value is replaced: the field itself, and copies of it elsewhere. */
function inJson(record: Uint8Array, field: FieldName, value: string, text: string): Spoofed[] {
  const needle = JSON.stringify(value);
  const before = TEXT.decode(record);
  const after = before.replaceAll(needle, () => JSON.stringify(text));
  return after === before ? [] : [{ field, bytes: ENCODER.encode(after), text }];
}

function inLine(
  format: Format,
  fixture: Case,
  record: Uint8Array,
  field: FieldName,
  text: string,
): Spoofed[] {
  const draft = createDraft();
  format.createDecoder(fixture.options).decode(record, 0, record.length, draft);
  // Where the fixture's own text is escaped, its range in the line is not known.
  if (!hasField(draft, FIELD[field]) || draft.inScratch[FIELD[field]] === 1) return [];
  if (format.id === 'tyk') return [{ field, text, bytes: inLogfmt(record, draft, field, text) }];
  return escapesOf(format, fixture, field, text).map((escaped) => ({
    field,
    text,
    bytes: Buffer.concat([
      record.subarray(0, draft.start[FIELD[field]]!),
      ENCODER.encode(escaped(text)),
      record.subarray(draft.end[FIELD[field]]!),
    ]),
  }));
}

/** How the writers of a format escape what a client sent; none when its lines then cannot be read. */
function escapesOf(
  format: Format,
  fixture: Case,
  field: FieldName,
  text: string,
): readonly ((text: string) => string)[] {
  if (format.id === 'haproxy') return [haproxyEscape];
  if (format.id === 'traefik') {
    // It escapes nothing; a line with a quote too many, or another ` - ` in its head, is refused.
    const refused = field === 'rawKey' ? /["\n]| - / : /["\n]/;
    return refused.test(text) ? [] : [(written) => written];
  }
  const { logFormat } = fixture.options;
  if (logFormat === undefined) return [nginxEscape, apacheEscape];
  return logFormat.includes('escape=json') ? [jsonEscape] : [nginxEscape];
}

/** logrus: a value is quoted by Go's %q as soon as it holds more than letters, digits and some signs. */
function inLogfmt(
  record: Uint8Array,
  draft: RecordDraft,
  field: FieldName,
  text: string,
): Uint8Array {
  const quoted = record[draft.start[FIELD[field]]! - 1] === 0x22 ? 1 : 0;
  return Buffer.concat([
    record.subarray(0, draft.start[FIELD[field]]! - quoted),
    ENCODER.encode(JSON.stringify(text).replaceAll('\\u0007', '\\a')),
    record.subarray(draft.end[FIELD[field]]! + quoted),
  ]);
}

/** ngx_http_log_module, escape=default: quote, backslash, control characters and all above 126. */
function nginxEscape(text: string): string {
  return escapeBytes(text, (byte) => `\\x${hex(byte).toUpperCase()}`);
}

/** escape=json: quote and backslash, control characters; UTF-8 is left. */
function jsonEscape(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Apache's ap_escape_logitem. */
function apacheEscape(text: string): string {
  const named = new Map([
    [0x22, '\\"'],
    [0x5c, '\\\\'],
    [0x0a, '\\n'],
    [0x09, '\\t'],
  ]);
  return escapeBytes(text, (byte) => named.get(byte) ?? `\\x${hex(byte)}`);
}

/** HAProxy: what a captured header needs, of which the request needs less. */
function haproxyEscape(text: string): string {
  const written = escapeBytes(text.replaceAll('#', '#23'), (byte) =>
    byte === 0x5c ? '\\' : `#${hex(byte).toUpperCase()}`,
  );
  return written.replaceAll(/[{|}]/g, (letter) => `#${hex(letter.charCodeAt(0)).toUpperCase()}`);
}

function escapeBytes(text: string, escaped: (byte: number) => string): string {
  return Array.from(ENCODER.encode(text), (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
      ? escaped(byte)
      : String.fromCharCode(byte),
  ).join('');
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
