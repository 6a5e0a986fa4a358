/**
 * Traefik: the access log, in JSON (`accesslog.format: json`) or in the common format, which is the default. In that
 * one Traefik escapes nothing, so a line in which a client wrote a quote is refused (traefik-line.ts).
 *
 * `ClientUsername` is whom BasicAuth read from the request, also when it then refused it, or whom the server that
 * ForwardAuth asked named in its `headerField`. On a router without either it is the user name of an absolute URL in
 * the request line, so of what was refused without asking the origin only Keyhound's own decision vouches for it.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import {
  AUTH,
  createDraft,
  FIELD,
  LIMITED_BY,
  type RecordDraft,
  resetDraft,
} from '../../core/record.ts';
import type { WantedPath } from '../json-paths.ts';
import {
  at,
  headerAt,
  type Places,
  PlacesReader,
  type PlaceTexts,
  recogniseObjects,
} from '../json-places.ts';
import { authOf, isBlank } from '../json-read.ts';
import { skipSpace } from '../json-skip.ts';
import { dottedPath, keyHeaders } from '../raw-key.ts';
import { byShare, type Range, sampleLines } from '../sample.ts';
import { TimeReader } from '../time.ts';
import { TraefikLine } from '../traefik-line.ts';

const LATENESS_MS = 60_000;
const OPEN_OBJECT = 0x7b;
const USER = 'ClientUsername';

const PLACES = {
  at: at('StartUTC'),
  localAt: at('StartLocal'),
  user: at(USER),
  /** The address that connected, with its port. */
  address: at('ClientAddr'),
  /** The whole X-Forwarded-For where there is one, else the address that connected. */
  host: at('ClientHost'),
  method: at('RequestMethod'),
  path: at('RequestPath'),
  router: at('RouterName'),
  status: at('DownstreamStatus'),
  originStatus: at('OriginStatus'),
  duration: at('Duration'),
  bytesIn: at('RequestContentSize'),
  bytesOut: at('DownstreamContentSize'),
  message: at('msg'),
  userAgent: headerAt('request_user-agent'),
  origin: headerAt('request_origin'),
  secFetch: headerAt('request_sec-fetch-site'),
  decision: headerAt('downstream_x-keyhound-decision'),
} satisfies Places<string>;
type Name = keyof typeof PLACES;

const TEXTS: PlaceTexts<Name> = [
  ['address', FIELD.clientAddress],
  ['host', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['path', FIELD.target],
  ['router', FIELD.route],
  ['userAgent', FIELD.userAgent],
  ['origin', FIELD.origin],
  ['secFetch', FIELD.secFetch],
];

class JsonRecords implements Decoder {
  private readonly reader: PlacesReader<Name>;
  /** Without `--key` the user name is the key. */
  private readonly userIsKey: boolean;

  constructor(options: FormatOptions) {
    this.reader = new PlacesReader(PLACES, TEXTS, keysOf(options), true);
    this.userIsKey = options.key === undefined;
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader } = this;
    const { slots } = reader;
    const opened = reader.open(bytes, start, end, draft);
    if (opened !== REJECTION.ok) return opened;
    // Traefik's own messages go to the same stream.
    if (reader.has(slots.message) && !reader.has(slots.method)) return REJECTION.ignored;
    draft.at = reader.instant(slots.at);
    if (Number.isNaN(draft.at)) draft.at = reader.instant(slots.localAt);
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slots.status);
    const ns = reader.amount(slots.duration);
    draft.durationMs = ns < 0 ? ns : ns / 1e6;
    draft.bytesIn = reader.amount(slots.bytesIn);
    draft.bytesOut = reader.amount(slots.bytesOut);
    this.address(draft);
    const byKeyhound = reader.refusedByKeyhound(slots.decision);
    const reachedOrigin = reader.amount(slots.originStatus) > 0;
    if (byKeyhound) draft.limitedBy = LIMITED_BY.keyhound;
    else if (draft.status === 429 && !reachedOrigin) draft.limitedBy = LIMITED_BY.gateway;
    const named = this.userIsKey && reader.has(slots.user);
    const vouched = named && (reachedOrigin || byKeyhound || draft.status !== 403);
    if (named || draft.status === 401) draft.auth = authOf(draft.status, vouched);
    if (draft.auth === AUTH.ok) reader.text(slots.user, draft, FIELD.credentialId);
    const taken = reader.takeKey(draft);
    // What a refused client claims may be anything, also its key in the wrong place: no name to be shown.
    if (named && draft.auth !== AUTH.ok && draft.start[FIELD.rawKey]! < 0) {
      reader.text(slots.user, draft, FIELD.rawKey);
    }
    return taken;
  }

  /** Where ClientAddr is not logged, ClientHost is all there is. */
  private address(draft: RecordDraft): void {
    if (draft.start[FIELD.clientAddress] !== -1) return;
    this.reader.text(this.reader.slots.host, draft, FIELD.clientAddress);
    draft.start[FIELD.forwardedFor] = -1;
  }
}

/** Request headers are members of the record itself. */
function keysOf(options: FormatOptions): WantedPath[] {
  if (options.key?.kind === 'field') return [at(...dottedPath(options.key.name))];
  return keyHeaders(options).map((name) => headerAt(`request_${name}`));
}

class Lines implements Decoder {
  private readonly line = new TraefikLine();
  private readonly time = new TimeReader();
  private readonly userIsKey: boolean;
  private readonly userIsNamed: boolean;

  constructor({ key }: FormatOptions) {
    this.userIsKey = key === undefined;
    this.userIsNamed = key?.kind === 'field' && key.name === USER;
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { line } = this;
    resetDraft(draft, bytes);
    if (!line.read(bytes, start, end, draft, this.time)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    const { status } = draft;
    if (status === 429 && !line.reachedOrigin) draft.limitedBy = LIMITED_BY.gateway;
    const named = this.userIsKey && line.userFrom >= 0;
    const vouched = named && status !== 0 && (line.reachedOrigin || status !== 403);
    if (named || status === 401) draft.auth = authOf(status, vouched);
    if (line.userFrom >= 0 && (named || this.userIsNamed)) {
      const field = draft.auth === AUTH.ok ? FIELD.credentialId : FIELD.rawKey;
      draft.start[field] = line.userFrom;
      draft.end[field] = line.userTo;
    }
    return REJECTION.ok;
  }
}

class TraefikDecoder implements Decoder {
  private readonly json: JsonRecords;
  private readonly lines: Lines;

  constructor(options: FormatOptions) {
    this.json = new JsonRecords(options);
    this.lines = new Lines(options);
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const first = skipSpace(bytes, start, end);
    const records = first < end && bytes[first] === OPEN_OBJECT ? this.json : this.lines;
    return records.decode(bytes, start, end, draft);
  }
}

export const traefik: Format = Object.freeze({
  id: 'traefik',
  summary: 'Traefik access log (JSON, or the common format)',
  framing: 'json',
  gateway: 'traefik',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'none',
  createDecoder: (options: FormatOptions): Decoder => new TraefikDecoder(options),
  recognise(sample: Uint8Array) {
    const lines = sampleLines(sample);
    const matching = countLines(sample, lines);
    if (matching > 0) {
      const says = 'the ten quotes of the common format, and a duration in ms';
      return byShare(matching, lines.length, 'lines', says, 0.96);
    }
    return recogniseObjects(
      sample,
      [
        [PLACES.at, PLACES.localAt],
        [PLACES.method],
        [PLACES.status, PLACES.originStatus],
        [PLACES.host, PLACES.address],
      ],
      'StartUTC, RequestMethod, DownstreamStatus and ClientHost',
      0.97,
    );
  },
});

function countLines(sample: Uint8Array, lines: readonly Range[]): number {
  const line = new TraefikLine();
  const time = new TimeReader();
  const draft = createDraft();
  return lines.filter(({ start, end }) => line.read(sample, start, end, draft, time)).length;
}
