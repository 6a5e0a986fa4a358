/**
 * Apache APISIX: the object that http-logger, kafka-logger, file-logger and the other log plugins write, without a
 * `log_format` of one's own (which replaces it; then format `json` reads it).
 *
 * APISIX logs the request's headers as they stand at the end: what a client claimed, and what APISIX put over it.
 * Only an authenticated request has a `consumer`, and only then is X-Credential-Identifier APISIX's own word: it sets
 * or removes that header then, from 3.11 on. Without a consumer it is what a client wrote, and is not read.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { FIELD, LIMITED_BY, type LimitedBy, type RecordDraft } from '../../core/record.ts';
import { END_OF, KIND, START_OF } from '../json-paths.ts';
import {
  at,
  headerAt,
  keyPlaces,
  type Places,
  PlacesReader,
  type PlaceTexts,
  recogniseObjects,
} from '../json-places.ts';
import { authOf } from '../json-read.ts';
import { readDigits } from '../numbers.ts';
import { usable } from '../time.ts';

/** A worker's batch waits up to 60 s (`buffer_duration`), then it is sent, and sent again where that failed. */
const LATENESS_MS = 90_000;
/** The first version that knows credentials, and so owns the header that names them. */
const CREDENTIALS_SINCE = [3, 11] as const;
const DOT = 0x2e;

const PLACES = {
  at: at('start_time'),
  clientAddress: at('client_ip'),
  latency: at('latency'),
  routeId: at('route_id'),
  consumer: at('consumer', 'username'),
  upstream: at('upstream'),
  version: at('server', 'version'),
  /** By `log_format_extra`. */
  requestId: at('request_id'),
  method: at('request', 'method'),
  uri: at('request', 'uri'),
  url: at('request', 'url'),
  bytesIn: at('request', 'size'),
  userAgent: headerAt('request', 'headers', 'user-agent'),
  origin: headerAt('request', 'headers', 'origin'),
  secFetch: headerAt('request', 'headers', 'sec-fetch-site'),
  forwardedFor: headerAt('request', 'headers', 'x-forwarded-for'),
  credential: headerAt('request', 'headers', 'x-credential-identifier'),
  status: at('response', 'status'),
  bytesOut: at('response', 'size'),
  decision: headerAt('response', 'headers', 'x-keyhound-decision'),
  remaining: headerAt('response', 'headers', 'x-ratelimit-remaining'),
} satisfies Places<string>;
type Name = keyof typeof PLACES;

const TEXTS: PlaceTexts<Name> = [
  ['consumer', FIELD.consumer],
  ['clientAddress', FIELD.clientAddress],
  ['forwardedFor', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['uri', FIELD.target],
  ['url', FIELD.target],
  ['routeId', FIELD.route],
  ['userAgent', FIELD.userAgent],
  ['origin', FIELD.origin],
  ['secFetch', FIELD.secFetch],
  ['requestId', FIELD.requestId],
];

class ApisixDecoder implements Decoder {
  private readonly reader: PlacesReader<Name>;

  constructor(options: FormatOptions) {
    this.reader = new PlacesReader(PLACES, TEXTS, keyPlaces(options, 'request', 'headers'));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader } = this;
    const { slots } = reader;
    const opened = reader.open(bytes, start, end, draft);
    if (opened !== REJECTION.ok) return opened;
    draft.at = usable(reader.number(slots.at));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slots.status);
    draft.durationMs = reader.amount(slots.latency);
    draft.bytesIn = reader.amount(slots.bytesIn);
    draft.bytesOut = reader.amount(slots.bytesOut);
    const authenticated = reader.has(slots.consumer);
    draft.auth = authOf(draft.status, authenticated);
    if (authenticated && this.knowsCredentials()) {
      reader.text(slots.credential, draft, FIELD.credentialId);
    }
    draft.limitedBy = this.limitedBy(draft.status);
    return reader.takeKey(draft);
  }

  private knowsCredentials(): boolean {
    const { reader } = this;
    const slot = reader.slots.version;
    if (reader.found[slot] !== KIND.string) return false;
    const from = reader.found[slot + START_OF]!;
    const to = reader.found[slot + END_OF]!;
    const dot = nextDot(reader.bytes, from, to);
    const major = readDigits(reader.bytes, from, dot);
    const minor = readDigits(reader.bytes, dot + 1, nextDot(reader.bytes, dot + 1, to));
    const [sinceMajor, sinceMinor] = CREDENTIALS_SINCE;
    return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
  }

  private limitedBy(status: number): LimitedBy {
    const { reader } = this;
    const { slots } = reader;
    if (reader.refusedByKeyhound(slots.decision)) return LIMITED_BY.keyhound;
    if (reader.has(slots.upstream)) return LIMITED_BY.nobody;
    // limit-count answers 503 unless told otherwise: only what it says of the quota tells it from a failure.
    const isLimit = status === 429 || (status === 503 && reader.number(slots.remaining) === 0);
    return isLimit ? LIMITED_BY.gateway : LIMITED_BY.nobody;
  }
}

function nextDot(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== DOT) i++;
  return i;
}

export const apisix: Format = Object.freeze({
  id: 'apisix',
  summary: 'Apache APISIX: http-logger, kafka-logger, file-logger and the other log plugins (JSON)',
  framing: 'json',
  gateway: 'apisix',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new ApisixDecoder(options),
  recognise: (sample: Uint8Array) =>
    recogniseObjects(
      sample,
      [
        [PLACES.at],
        [PLACES.clientAddress],
        [PLACES.method],
        [PLACES.status],
        [PLACES.version, at('apisix_latency')],
      ],
      'start_time, client_ip, request.method, response.status and server.version or apisix_latency',
      0.97,
    ),
});
