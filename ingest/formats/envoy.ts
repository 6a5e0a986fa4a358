/**
 * Envoy, Envoy Gateway and Istio: the access log in JSON (`json_format`). The text format is not read: Envoy escapes
 * nothing in it, so a client could write fields into it.
 *
 * Envoy logs no key of itself. A header that the operator logs is what a client wrote: it counts as claimed unless
 * `--key` names it. `key_id` and `keyhound_key` count as attested: they are to come from the metadata of ext_authz,
 * which no client can write, as docs/formats.md shows.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { FIELD, LIMITED_BY, type LimitedBy, type RecordDraft } from '../../core/record.ts';
import type { WantedPath } from '../json-paths.ts';
import {
  at,
  headerAt,
  type Places,
  PlacesReader,
  type PlaceTexts,
  recogniseObjects,
} from '../json-places.ts';
import { ascii, authOf } from '../json-read.ts';
import { dottedPath, keyHeaders } from '../raw-key.ts';
import { sampleLines } from '../sample.ts';

const LATENESS_MS = 60_000;
const TEXT_HEAD_BYTES = 64;

/** Names of Envoy Gateway's default, of Istio's, and of the operators themselves. */
const PLACES = {
  at: at('start_time'),
  duration: at('duration'),
  status: at('response_code'),
  flags: at('response_flags'),
  bytesIn: at('bytes_received'),
  bytesOut: at('bytes_sent'),
  address: at('downstream_remote_address'),
  directAddress: at('downstream_direct_remote_address'),
  forwardedFor: headerAt('x-forwarded-for'),
  forwardedForToo: headerAt('x_forwarded_for'),
  method: at('method'),
  pseudoMethod: at(':method'),
  originalPath: headerAt('x-envoy-original-path'),
  originPath: headerAt('x-envoy-origin-path'),
  path: at('path'),
  pseudoPath: at(':path'),
  route: at('route_name'),
  userAgent: headerAt('user-agent'),
  userAgentToo: headerAt('user_agent'),
  origin: headerAt('origin'),
  secFetch: headerAt('sec-fetch-site'),
  secFetchToo: headerAt('sec_fetch_site'),
  requestId: headerAt('x-request-id'),
  requestIdToo: headerAt('request_id'),
  keyId: at('key_id'),
  keyhoundKey: at('keyhound_key'),
  decision: at('keyhound_decision'),
  decisionHeader: headerAt('x-keyhound-decision'),
} satisfies Places<string>;
type Name = keyof typeof PLACES;

const TEXTS: PlaceTexts<Name> = [
  ['keyId', FIELD.credentialId],
  ['keyhoundKey', FIELD.credentialId],
  ['address', FIELD.clientAddress],
  ['directAddress', FIELD.clientAddress],
  ['forwardedFor', FIELD.forwardedFor],
  ['forwardedForToo', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['pseudoMethod', FIELD.method],
  ['originalPath', FIELD.target],
  ['originPath', FIELD.target],
  ['path', FIELD.target],
  ['pseudoPath', FIELD.target],
  ['route', FIELD.route],
  ['userAgent', FIELD.userAgent],
  ['userAgentToo', FIELD.userAgent],
  ['origin', FIELD.origin],
  ['secFetch', FIELD.secFetch],
  ['secFetchToo', FIELD.secFetch],
  ['requestId', FIELD.requestId],
  ['requestIdToo', FIELD.requestId],
];

class EnvoyDecoder implements Decoder {
  private readonly reader: PlacesReader<Name>;

  constructor(options: FormatOptions) {
    this.reader = new PlacesReader(PLACES, TEXTS, keysOf(options), true);
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader } = this;
    const { slots } = reader;
    const opened = reader.open(bytes, start, end, draft);
    if (opened !== REJECTION.ok) return opened;
    draft.at = reader.instant(slots.at);
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slots.status);
    draft.durationMs = reader.amount(slots.duration);
    draft.bytesIn = reader.amount(slots.bytesIn);
    draft.bytesOut = reader.amount(slots.bytesOut);
    const known = draft.start[FIELD.credentialId]! >= 0;
    if (known || draft.status === 401) draft.auth = authOf(draft.status, known);
    draft.limitedBy = this.limitedBy(draft.status);
    return reader.takeKey(draft);
  }

  private limitedBy(status: number): LimitedBy {
    const { reader } = this;
    const { slots } = reader;
    if (
      reader.refusedByKeyhound(slots.decision) ||
      reader.refusedByKeyhound(slots.decisionHeader)
    ) {
      return LIMITED_BY.keyhound;
    }
    const isLimit = reader.lists(slots.flags, RATE_LIMITED);
    // A service that ext_authz asks may count as well.
    const isRefusal = status === 429 && reader.lists(slots.flags, UNAUTHORIZED);
    return isLimit || isRefusal ? LIMITED_BY.gateway : LIMITED_BY.nobody;
  }
}

/** Flags of %RESPONSE_FLAGS%: limited, by Envoy or its rate limit service; refused by ext_authz. */
const RATE_LIMITED = ascii('RL');
const UNAUTHORIZED = ascii('UAEX');

/** A header is logged under whatever name the operator gave: its own, mostly, or with underscores. */
function keysOf(options: FormatOptions): WantedPath[] {
  if (options.key?.kind === 'field') return [at(...dottedPath(options.key.name))];
  const names = keyHeaders(options).flatMap((name) => [name, name.replaceAll('-', '_')]);
  return [...new Set(names)].map((name) => headerAt(name));
}

export const envoy: Format = Object.freeze({
  id: 'envoy',
  summary: 'Envoy, Envoy Gateway and Istio access log (JSON)',
  framing: 'json',
  gateway: 'envoy',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'client',
  createDecoder: (options: FormatOptions): Decoder => new EnvoyDecoder(options),
  recognise(sample: Uint8Array) {
    const lines = sampleLines(sample);
    const texts = lines.filter(({ start, end }) => isText(sample, start, end)).length;
    if (texts > 0) {
      const share = `${texts} of ${lines.length} lines`;
      return {
        confidence: 0,
        why: `${share} are Envoy's text, which escapes nothing: log json_format`,
      };
    }
    return recogniseObjects(
      sample,
      [[PLACES.at], [PLACES.status], [PLACES.flags], [PLACES.method, PLACES.pseudoMethod]],
      'start_time, response_code, response_flags and method',
      0.97,
    );
  },
});

/** `[2026-03-01T10:00:00.310Z] "GET /v1/orders HTTP/2" 204 - …` */
function isText(sample: Uint8Array, start: number, end: number): boolean {
  const head = Buffer.from(sample.subarray(start, Math.min(end, start + TEXT_HEAD_BYTES)));
  return /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "[A-Z-]+ /.test(head.toString('latin1'));
}
