/**
 * Caddy: the access log as its `log` directive writes it (JSON; 2.6 and later).
 *
 * A key header is what the client wrote, and Caddy logs it in clear: it counts as claimed unless `--key` names it.
 * Caddy's own word is `user_id`, set only by a provider that accepted the request, and what `log_append` puts beside
 * it: `key_id` or `keyhound_key` from the answer of forward_auth, `request_id` from {http.request.uuid}.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { FIELD, LIMITED_BY, type RecordDraft } from '../../core/record.ts';
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
import { usable } from '../time.ts';

const LATENESS_MS = 60_000;
/** A day: what is longer was written in another unit. */
const SECONDS_MAX = 86_400;

const PLACES = {
  endedAt: at('ts'),
  message: at('msg'),
  request: at('request'),
  clientAddress: at('request', 'client_ip'),
  peerAddress: at('request', 'remote_ip'),
  /** Before 2.6. */
  peerAndPort: at('request', 'remote_addr'),
  method: at('request', 'method'),
  uri: at('request', 'uri'),
  userAgent: headerAt('request', 'headers', 'user-agent'),
  origin: headerAt('request', 'headers', 'origin'),
  secFetch: headerAt('request', 'headers', 'sec-fetch-site'),
  forwardedFor: headerAt('request', 'headers', 'x-forwarded-for'),
  user: at('user_id'),
  duration: at('duration'),
  bytesIn: at('bytes_read'),
  bytesOut: at('size'),
  status: at('status'),
  decision: headerAt('resp_headers', 'x-keyhound-decision'),
  /** By `log_append`. */
  keyId: at('key_id'),
  keyhoundKey: at('keyhound_key'),
  requestId: at('request_id'),
} satisfies Places<string>;
type Name = keyof typeof PLACES;

const TEXTS: PlaceTexts<Name> = [
  ['clientAddress', FIELD.clientAddress],
  ['peerAddress', FIELD.clientAddress],
  ['peerAndPort', FIELD.clientAddress],
  ['forwardedFor', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['uri', FIELD.target],
  ['userAgent', FIELD.userAgent],
  ['origin', FIELD.origin],
  ['secFetch', FIELD.secFetch],
  ['requestId', FIELD.requestId],
  ['keyId', FIELD.credentialId],
  ['keyhoundKey', FIELD.credentialId],
];

class CaddyDecoder implements Decoder {
  private readonly reader: PlacesReader<Name>;
  /** Without `--key` an authenticated user's name is the key. */
  private readonly userIsKey: boolean;

  constructor(options: FormatOptions) {
    this.reader = new PlacesReader(PLACES, TEXTS, keyPlaces(options, 'request', 'headers'));
    this.userIsKey = options.key === undefined;
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader } = this;
    const { slots } = reader;
    const opened = reader.open(bytes, start, end, draft);
    if (opened !== REJECTION.ok) return opened;
    // Caddy's own messages go to the same stream.
    if (reader.has(slots.message) && !reader.has(slots.request)) return REJECTION.ignored;
    const seconds = reader.amount(slots.duration);
    draft.durationMs = seconds >= 0 && seconds < SECONDS_MAX ? seconds * 1000 : -1;
    draft.at = usable(reader.instant(slots.endedAt) - Math.max(0, draft.durationMs));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slots.status);
    draft.bytesIn = reader.amount(slots.bytesIn);
    draft.bytesOut = reader.amount(slots.bytesOut);
    if (reader.refusedByKeyhound(slots.decision)) draft.limitedBy = LIMITED_BY.keyhound;
    if (this.userIsKey && draft.start[FIELD.credentialId]! < 0) {
      reader.text(slots.user, draft, FIELD.credentialId);
    }
    const named = draft.start[FIELD.credentialId]! >= 0;
    if (named || draft.status === 401) draft.auth = authOf(draft.status, named);
    return reader.takeKey(draft);
  }
}

export const caddy: Format = Object.freeze({
  id: 'caddy',
  summary: 'Caddy access log (JSON)',
  framing: 'json',
  gateway: 'caddy',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new CaddyDecoder(options),
  recognise: (sample: Uint8Array) =>
    recogniseObjects(
      sample,
      [
        [PLACES.endedAt],
        [PLACES.uri],
        [PLACES.method],
        [PLACES.status],
        [PLACES.peerAddress, PLACES.peerAndPort, PLACES.clientAddress],
      ],
      'ts, request.uri, request.method, request.remote_ip and status',
      0.97,
    ),
});
