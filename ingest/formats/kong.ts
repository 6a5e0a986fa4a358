/**
 * Kong Gateway: the object that http-log, file-log, tcp-log, udp-log, syslog and kafka-log write.
 *
 * Hot: one pass of the scanner, no object and no string. A record shows the credential's id only when Kong has
 * checked it; the raw key stands beside it in the logged headers or the URI.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { FIELD, LIMITED_BY, type LimitedBy, type RecordDraft } from '../../core/record.ts';
import type { WantedPath } from '../json-paths.ts';
import { at, recogniseObjects } from '../json-places.ts';
import { ascii, authOf, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import type { JsonScanner } from '../json-scan.ts';
import { dottedPath, keyHeaders, takeRawKey } from '../raw-key.ts';
import { usable } from '../time.ts';

const LATENESS_MS = 60_000;

const PATHS: readonly WantedPath[] = [
  { path: ['started_at'] },
  { path: ['client_ip'] },
  { path: ['source'] },
  { path: ['upstream_status'] },
  { path: ['authenticated_entity', 'id'] },
  { path: ['consumer', 'username'] },
  { path: ['consumer', 'custom_id'] },
  { path: ['consumer', 'id'] },
  { path: ['route', 'name'] },
  { path: ['route', 'id'] },
  { path: ['latencies', 'request'] },
  { path: ['request', 'id'] },
  { path: ['request', 'method'] },
  { path: ['request', 'uri'] },
  { path: ['request', 'url'] },
  { path: ['request', 'size'] },
  { path: ['request', 'headers', 'user-agent'], fold: true },
  { path: ['request', 'headers', 'origin'], fold: true },
  { path: ['request', 'headers', 'sec-fetch-site'], fold: true },
  { path: ['request', 'headers', 'x-forwarded-for'], fold: true },
  { path: ['response', 'status'] },
  { path: ['response', 'size'] },
  { path: ['response', 'headers', 'x-keyhound-decision'], fold: true },
];

/** Slots of what is more than a text. */
function slotsOf(scanner: JsonScanner) {
  return {
    at: scanner.slot('started_at'),
    clientAddress: scanner.slot('client_ip'),
    source: scanner.slot('source'),
    upstreamStatus: scanner.slot('upstream_status'),
    credentialId: scanner.slot('authenticated_entity', 'id'),
    durationMs: scanner.slot('latencies', 'request'),
    method: scanner.slot('request', 'method'),
    bytesIn: scanner.slot('request', 'size'),
    status: scanner.slot('response', 'status'),
    bytesOut: scanner.slot('response', 'size'),
    decision: scanner.slot('response', 'headers', 'x-keyhound-decision'),
  };
}

function textsOf(scanner: JsonScanner): TextPlan {
  return textPlan([
    [scanner.slot('authenticated_entity', 'id'), FIELD.credentialId],
    [scanner.slot('consumer', 'username'), FIELD.consumer],
    [scanner.slot('consumer', 'custom_id'), FIELD.consumer],
    [scanner.slot('consumer', 'id'), FIELD.consumer],
    [scanner.slot('client_ip'), FIELD.clientAddress],
    [scanner.slot('request', 'headers', 'x-forwarded-for'), FIELD.forwardedFor],
    [scanner.slot('request', 'method'), FIELD.method],
    [scanner.slot('request', 'uri'), FIELD.target],
    [scanner.slot('request', 'url'), FIELD.target],
    [scanner.slot('route', 'name'), FIELD.route],
    [scanner.slot('route', 'id'), FIELD.route],
    [scanner.slot('request', 'headers', 'user-agent'), FIELD.userAgent],
    [scanner.slot('request', 'headers', 'origin'), FIELD.origin],
    [scanner.slot('request', 'headers', 'sec-fetch-site'), FIELD.secFetch],
    [scanner.slot('request', 'id'), FIELD.requestId],
  ]);
}

class KongDecoder implements Decoder {
  private readonly reader: JsonReader;
  private readonly slots: ReturnType<typeof slotsOf>;
  private readonly texts: TextPlan;
  private readonly keySlots: readonly number[];

  constructor(options: FormatOptions) {
    const keys: WantedPath[] = keyHeaders(options).map((name) => ({
      path: ['request', 'headers', name],
      fold: true,
    }));
    if (options.key?.kind === 'field') keys.push({ path: dottedPath(options.key.name) });
    this.reader = new JsonReader([...PATHS, ...keys]);
    this.slots = slotsOf(this.reader.scanner);
    this.texts = textsOf(this.reader.scanner);
    this.keySlots = keys.map(({ path }) => this.reader.scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, slots } = this;
    if (!reader.begin(bytes, start, end, draft)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    draft.at = usable(reader.number(slots.at));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slots.status);
    draft.durationMs = reader.amount(slots.durationMs);
    draft.bytesIn = reader.amount(slots.bytesIn);
    draft.bytesOut = reader.amount(slots.bytesOut);
    reader.fill(this.texts, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    draft.auth = authOf(draft.status, known);
    draft.limitedBy = this.limitedBy(draft.status);
    // The id alone says which key it was; without it, two keys mean that nobody can tell.
    const single = takeRawKey(reader, this.keySlots, draft);
    return single || known ? REJECTION.ok : REJECTION.ambiguousKey;
  }

  private limitedBy(status: number): LimitedBy {
    const { reader, slots } = this;
    if (reader.is(slots.decision, THROTTLE) || reader.is(slots.decision, REFUSE)) {
      return LIMITED_BY.keyhound;
    }
    if (status !== 429) return LIMITED_BY.nobody;
    // Before 3.x there is no `source`: then an answer without an upstream's status is Kong's own.
    const own = reader.has(slots.source)
      ? !reader.is(slots.source, UPSTREAM)
      : !reader.has(slots.upstreamStatus);
    return own ? LIMITED_BY.gateway : LIMITED_BY.nobody;
  }
}

const THROTTLE = ascii('throttle');
const REFUSE = ascii('refuse');
const UPSTREAM = ascii('upstream');

export const kong: Format = Object.freeze({
  id: 'kong',
  summary: 'Kong Gateway: http-log, file-log and the other log plugins (JSON)',
  framing: 'json',
  gateway: 'kong',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new KongDecoder(options),
  recognise: (sample: Uint8Array) =>
    recogniseObjects(
      sample,
      [
        [at('started_at')],
        [at('client_ip')],
        [at('request', 'method')],
        [at('response', 'status')],
      ],
      'started_at, client_ip, request.method and response.status',
      0.98,
    ),
});
