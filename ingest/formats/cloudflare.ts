/**
 * Cloudflare Logpush, dataset http_requests: one JSON object a line.
 *
 * Cloudflare checks no API key, so whatever names one is the client's word. The key is in the log only where the
 * zone asks for it as a custom field (RequestHeaders), or in the query of the URI.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import {
  AUTH,
  type EdgePlace,
  FIELD,
  LIMITED_BY,
  type LimitedBy,
  type RecordDraft,
} from '../../core/record.ts';
import { KIND, type WantedPath } from '../json-paths.ts';
import { ascii, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import { JsonScanner } from '../json-scan.ts';
import { dottedPath, keyHeaders, takeRawKey } from '../raw-key.ts';
import { byShare, sampleObjects } from '../sample.ts';

/** A job pushes a batch every 30 s to 5 min, and a push that failed again for minutes. */
const LATENESS_MS = 600_000;

const NAMES = [
  'EdgeStartTimestamp',
  'EdgeEndTimestamp',
  'EdgeTimeToFirstByteMs',
  'ClientIP',
  'ClientASN',
  'ClientCountry',
  'ClientRegionCode',
  'ClientCity',
  'ClientLatitude',
  'ClientLongitude',
  'ClientRequestMethod',
  'ClientRequestURI',
  'ClientRequestPath',
  'ClientRequestBytes',
  'ClientRequestUserAgent',
  'EdgeResponseStatus',
  'EdgeResponseBytes',
  'OriginResponseStatus',
  'SecurityAction',
  'RayID',
  'content',
] as const;
type Name = (typeof NAMES)[number];

const PATHS: readonly WantedPath[] = [
  ...NAMES.map((name) => ({ path: [name] })),
  { path: ['RequestHeaders', 'origin'], fold: true },
  { path: ['RequestHeaders', 'sec-fetch-site'], fold: true },
  { path: ['RequestHeaders', 'x-forwarded-for'], fold: true },
  { path: ['ResponseHeaders', 'x-keyhound-decision'], fold: true },
];

const TEXTS: readonly (readonly [path: readonly string[], field: number])[] = [
  [['ClientIP'], FIELD.clientAddress],
  [['RequestHeaders', 'x-forwarded-for'], FIELD.forwardedFor],
  [['ClientRequestMethod'], FIELD.method],
  [['ClientRequestURI'], FIELD.target],
  [['ClientRequestPath'], FIELD.target],
  [['ClientRequestUserAgent'], FIELD.userAgent],
  [['RequestHeaders', 'origin'], FIELD.origin],
  [['RequestHeaders', 'sec-fetch-site'], FIELD.secFetch],
  [['RayID'], FIELD.requestId],
];

class CloudflareDecoder implements Decoder {
  private readonly reader: JsonReader;
  private readonly slots: Readonly<Record<Name, number>>;
  private readonly decision: number;
  private readonly texts: TextPlan;
  private readonly keySlots: readonly number[];

  constructor(options: FormatOptions) {
    const keys: WantedPath[] = keyHeaders(options).map((name) => ({
      path: ['RequestHeaders', name],
      fold: true,
    }));
    if (options.key?.kind === 'field') keys.push({ path: dottedPath(options.key.name) });
    this.reader = new JsonReader([...PATHS, ...keys]);
    const { scanner } = this.reader;
    this.slots = slotsOf(scanner);
    this.decision = scanner.slot('ResponseHeaders', 'x-keyhound-decision');
    this.texts = textPlan(TEXTS.map(([path, field]) => [scanner.slot(...path), field]));
    this.keySlots = keys.map(({ path }) => scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, slots } = this;
    if (!reader.begin(bytes, start, end, draft)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    // The upload by which Cloudflare tries out a new destination.
    if (reader.is(slots.content, TEST_UPLOAD)) return REJECTION.ignored;
    draft.at = reader.instant(slots.EdgeStartTimestamp);
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slots.EdgeResponseStatus);
    draft.durationMs = this.duration(draft.at);
    draft.bytesIn = reader.amount(slots.ClientRequestBytes);
    draft.bytesOut = reader.amount(slots.EdgeResponseBytes);
    if (draft.status === 401) draft.auth = AUTH.failed;
    draft.limitedBy = this.limitedBy(draft.status);
    draft.place = this.place();
    reader.fill(this.texts, draft);
    return takeRawKey(reader, this.keySlots, draft) ? REJECTION.ok : REJECTION.ambiguousKey;
  }

  /** By default times are whole seconds: then only the time to the first byte says how long it took. */
  private duration(at: number): number {
    const { reader, slots } = this;
    const took = reader.instant(slots.EdgeEndTimestamp) - at;
    const isExact = took % 1000 !== 0 || at % 1000 !== 0;
    const firstByte = reader.amount(slots.EdgeTimeToFirstByteMs);
    if (firstByte >= 0 && !(took >= 0 && isExact)) return firstByte;
    return took >= 0 ? took : -1;
  }

  private limitedBy(status: number): LimitedBy {
    const { reader, slots, decision } = this;
    if (reader.is(decision, THROTTLE) || reader.is(decision, REFUSE)) return LIMITED_BY.keyhound;
    if (status !== 429) return LIMITED_BY.nobody;
    // 0: the origin was not asked.
    const own = reader.has(slots.OriginResponseStatus)
      ? reader.number(slots.OriginResponseStatus) === 0
      : reader.has(slots.SecurityAction);
    return own ? LIMITED_BY.gateway : LIMITED_BY.nobody;
  }

  /** Only with coordinates: a country alone is less than what is known by the address. */
  private place(): EdgePlace | undefined {
    const { reader, slots } = this;
    const latitude = reader.number(slots.ClientLatitude);
    const longitude = reader.number(slots.ClientLongitude);
    if (Number.isNaN(latitude) || Number.isNaN(longitude)) return undefined;
    const country = reader.string(slots.ClientCountry);
    // Unknown, and the Tor network, which is nowhere.
    if (country === '' || /^(xx|t1)$/i.test(country)) return undefined;
    const asn = reader.number(slots.ClientASN);
    return {
      country,
      region: reader.string(slots.ClientRegionCode),
      city: reader.string(slots.ClientCity),
      latitude,
      longitude,
      radiusKm: Number.NaN,
      asn: Number.isInteger(asn) ? asn : 0,
    };
  }
}

function slotsOf(scanner: JsonScanner): Record<Name, number> {
  return Object.fromEntries(NAMES.map((name) => [name, scanner.slot(name)])) as Record<
    Name,
    number
  >;
}

const TEST_UPLOAD = ascii('tests');
const THROTTLE = ascii('throttle');
const REFUSE = ascii('refuse');

export const cloudflare: Format = Object.freeze({
  id: 'cloudflare',
  summary: 'Cloudflare Logpush, dataset http_requests (JSON)',
  framing: 'json',
  gateway: 'cloudflare',
  identity: 'claimed',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new CloudflareDecoder(options),
  recognise(sample: Uint8Array) {
    const scanner = new JsonScanner(PATHS);
    const slots = slotsOf(scanner);
    const needed = [slots.EdgeStartTimestamp, slots.EdgeResponseStatus, slots.ClientIP];
    const records = sampleObjects(sample);
    const matching = records.filter(
      ({ start, end }) =>
        scanner.scan(sample, start, end) &&
        needed.every((slot) => scanner.found[slot] !== KIND.absent),
    );
    return byShare(
      matching.length,
      records.length,
      'records',
      'EdgeStartTimestamp, EdgeResponseStatus and ClientIP',
      0.98,
    );
  },
});
