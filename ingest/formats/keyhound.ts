/**
 * Keyhound's own event format, for gateways without one of theirs and for tests (contracts.md).
 *
 * Whoever writes it vouches for it: `auth` is taken as the gateway's word, `requestId` as the gateway's own.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import {
  AUTH,
  type Auth,
  type EdgePlace,
  FIELD,
  LIMITED_BY,
  type LimitedBy,
  type RecordDraft,
} from '../../core/record.ts';
import { END_OF, KIND, START_OF, type WantedPath } from '../json-paths.ts';
import { at, recogniseObjects } from '../json-places.ts';
import { ascii, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import { dottedPath, takeRawKey } from '../raw-key.ts';
import { usable } from '../time.ts';

const LATENESS_MS = 60_000;

const NAMES = [
  'at',
  'key',
  'keyId',
  'auth',
  'consumer',
  'clientIp',
  'method',
  'path',
  'route',
  'status',
  'durationMs',
  'bytesIn',
  'bytesOut',
  'userAgent',
  'origin',
  'requestId',
  'forwardedFor',
  'limitedBy',
  'place',
] as const;
const PLACE_NAMES = ['country', 'region', 'city', 'lat', 'lon', 'radiusKm', 'asn'] as const;
type Name = (typeof NAMES)[number];
type PlaceName = (typeof PLACE_NAMES)[number];

const PATHS: readonly WantedPath[] = [
  ...NAMES.map((name) => ({ path: [name] })),
  ...PLACE_NAMES.map((name) => ({ path: ['place', name] })),
];

const TEXTS: readonly (readonly [Name, number])[] = [
  ['keyId', FIELD.credentialId],
  ['consumer', FIELD.consumer],
  ['clientIp', FIELD.clientAddress],
  ['forwardedFor', FIELD.forwardedFor],
  ['method', FIELD.method],
  ['path', FIELD.target],
  ['route', FIELD.route],
  ['userAgent', FIELD.userAgent],
  ['origin', FIELD.origin],
  ['requestId', FIELD.requestId],
];

class KeyhoundDecoder implements Decoder {
  private readonly reader: JsonReader;
  private readonly slots: Record<Name, number>;
  private readonly placeSlots: Record<PlaceName, number>;
  private readonly texts: TextPlan;
  private readonly keySlots: readonly number[];
  /** False when the key is in a field that enrichment reads: then a record without one is no fault. */
  private readonly needsKey: boolean;

  constructor(options: FormatOptions) {
    const spec = options.key;
    const field = spec?.kind === 'field' ? dottedPath(spec.name) : ['key'];
    this.reader = new JsonReader([...PATHS, { path: field }]);
    const scanner = this.reader.scanner;
    this.slots = recordOf(NAMES, (name) => scanner.slot(name));
    this.placeSlots = recordOf(PLACE_NAMES, (name) => scanner.slot('place', name));
    this.texts = textPlan(TEXTS.map(([name, field]) => [this.slots[name], field]));
    const elsewhere = spec?.kind === 'query' || spec?.kind === 'path' || spec?.kind === 'client_ip';
    this.keySlots = elsewhere ? [] : [scanner.slot(...field)];
    this.needsKey = !elsewhere;
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, slots } = this;
    if (!reader.begin(bytes, start, end, draft)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    draft.at = this.at();
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slots.status);
    draft.durationMs = reader.amount(slots.durationMs);
    draft.bytesIn = reader.amount(slots.bytesIn);
    draft.bytesOut = reader.amount(slots.bytesOut);
    draft.auth = this.auth(draft.status);
    draft.limitedBy = this.limitedBy();
    draft.place = this.place();
    reader.fill(this.texts, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    if (!takeRawKey(reader, this.keySlots, draft) && !known) return REJECTION.ambiguousKey;
    if (this.needsKey && !known && draft.start[FIELD.rawKey] === -1) return REJECTION.noKey;
    return REJECTION.ok;
  }

  /** Epoch ms, or RFC 3339. */
  private at(): number {
    const { reader, slots } = this;
    const { found, bytes } = reader;
    if (found[slots.at] === KIND.number) return usable(reader.number(slots.at));
    if (found[slots.at] !== KIND.string) return Number.NaN;
    return usable(reader.time.iso(bytes, found[slots.at + START_OF]!, found[slots.at + END_OF]!));
  }

  private auth(status: number): Auth {
    const { reader, slots } = this;
    if (!reader.has(slots.auth)) return status === 401 ? AUTH.failed : AUTH.ok;
    if (reader.is(slots.auth, OK)) return AUTH.ok;
    if (reader.is(slots.auth, FAILED)) return AUTH.failed;
    // A word that we do not know vouches for nothing.
    return reader.is(slots.auth, NONE) ? AUTH.none : AUTH.unknown;
  }

  private limitedBy(): LimitedBy {
    const { reader, slots } = this;
    if (reader.is(slots.limitedBy, GATEWAY)) return LIMITED_BY.gateway;
    return reader.is(slots.limitedBy, KEYHOUND) ? LIMITED_BY.keyhound : LIMITED_BY.nobody;
  }

  /** A new object for each record: who reads it may keep it. */
  private place(): EdgePlace | undefined {
    const { reader, slots, placeSlots } = this;
    if (!reader.isObject(slots.place)) return undefined;
    // NaN says unknown: 0 N 0 E is a place, and a radius of 0 would be exactness.
    const number = (name: PlaceName): number => reader.number(placeSlots[name]);
    const asn = number('asn');
    return {
      country: reader.string(placeSlots.country),
      region: reader.string(placeSlots.region),
      city: reader.string(placeSlots.city),
      latitude: number('lat'),
      longitude: number('lon'),
      radiusKm: number('radiusKm'),
      asn: Number.isInteger(asn) ? asn : 0,
    };
  }
}

function recordOf<K extends string>(names: readonly K[], value: (name: K) => number) {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<K, number>;
}

const OK = ascii('ok');
const FAILED = ascii('failed');
const NONE = ascii('none');
const GATEWAY = ascii('gateway');
const KEYHOUND = ascii('keyhound');

export const keyhound: Format = Object.freeze({
  id: 'keyhound',
  summary: "Keyhound's own events: one JSON object a line, or an array",
  framing: 'json',
  gateway: 'keyhound',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new KeyhoundDecoder(options),
  recognise: (sample: Uint8Array) =>
    recogniseObjects(
      sample,
      [[at('at')], [at('key'), at('keyId')]],
      '`at` and `key` or `keyId`',
      0.95,
    ),
});
