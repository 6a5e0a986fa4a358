/**
 * Azure API Management, GatewayLogs: as a diagnostic setting sends them (Event Hubs, storage account), or as the
 * columns of the Log Analytics table.
 *
 * The credential is the subscription, of which both keys count as one: the log does not say which was used. It is
 * named only when API Management has checked the key.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { FIELD, LIMITED_BY, type LimitedBy, type RecordDraft } from '../../core/record.ts';
import { KIND, type WantedPath } from '../json-paths.ts';
import { ascii, authOf, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import { JsonScanner } from '../json-scan.ts';
import { dottedPath, keyHeaders, takeRawKey } from '../raw-key.ts';
import { byShare, sampleObjects } from '../sample.ts';

/** Event Hubs have no order across partitions, and a diagnostic setting delivers within minutes. */
const LATENESS_MS = 600_000;

/** Name of a property in the resource log, and of the column in the table. */
const PROPERTIES = {
  apimSubscriptionId: 'ApimSubscriptionId',
  userId: 'UserId',
  operationId: 'OperationId',
  method: 'Method',
  url: 'Url',
  responseCode: 'ResponseCode',
  backendResponseCode: 'BackendResponseCode',
  requestSize: 'RequestSize',
  responseSize: 'ResponseSize',
} as const;
const COMMON = {
  time: 'TimeGenerated',
  correlationId: 'CorrelationId',
  callerIpAddress: 'CallerIpAddress',
  durationMs: 'TotalTime',
} as const;
const HEADERS = ['requestHeaders', 'RequestHeaders'] as const;
/** The subscription key in the place that API Management expects it in by default. */
const KEY_HEADER = 'ocp-apim-subscription-key';

const PATHS: readonly WantedPath[] = [
  ...Object.entries(PROPERTIES).flatMap(([name, column]) => [
    { path: ['properties', name] },
    { path: [column] },
  ]),
  ...Object.entries(COMMON).flatMap(([name, column]) => [{ path: [name] }, { path: [column] }]),
  { path: ['properties', 'lastError', 'reason'] },
  { path: ['LastErrorReason'] },
  ...['user-agent', 'origin', 'sec-fetch-site', 'x-forwarded-for'].flatMap(headerPaths),
  { path: ['properties', 'responseHeaders', 'x-keyhound-decision'], fold: true },
  { path: ['ResponseHeaders', 'x-keyhound-decision'], fold: true },
];

function headerPaths(name: string): WantedPath[] {
  return [
    { path: ['properties', HEADERS[0], name], fold: true },
    { path: [HEADERS[1], name], fold: true },
  ];
}

type Property = keyof typeof PROPERTIES;
type Common = keyof typeof COMMON;
type Slots = readonly number[];

function slotsOf(scanner: JsonScanner) {
  const property = (name: Property): Slots => [
    scanner.slot('properties', name),
    scanner.slot(PROPERTIES[name]),
  ];
  const common = (name: Common): Slots => [scanner.slot(name), scanner.slot(COMMON[name])];
  const header = (name: string): Slots =>
    headerPaths(name).map(({ path }) => scanner.slot(...path));
  return {
    at: common('time'),
    requestId: common('correlationId'),
    clientAddress: common('callerIpAddress'),
    durationMs: common('durationMs'),
    credentialId: property('apimSubscriptionId'),
    userId: property('userId'),
    route: property('operationId'),
    method: property('method'),
    url: property('url'),
    status: property('responseCode'),
    backendStatus: property('backendResponseCode'),
    bytesIn: property('requestSize'),
    bytesOut: property('responseSize'),
    reason: [scanner.slot('properties', 'lastError', 'reason'), scanner.slot('LastErrorReason')],
    userAgent: header('user-agent'),
    origin: header('origin'),
    secFetch: header('sec-fetch-site'),
    forwardedFor: header('x-forwarded-for'),
    decision: [
      scanner.slot('properties', 'responseHeaders', 'x-keyhound-decision'),
      scanner.slot('ResponseHeaders', 'x-keyhound-decision'),
    ],
  };
}

function textsOf(slots: ReturnType<typeof slotsOf>): TextPlan {
  const pairs: readonly (readonly [Slots, number])[] = [
    [slots.credentialId, FIELD.credentialId],
    [slots.userId, FIELD.consumer],
    [slots.clientAddress, FIELD.clientAddress],
    [slots.forwardedFor, FIELD.forwardedFor],
    [slots.method, FIELD.method],
    [slots.url, FIELD.target],
    [slots.route, FIELD.route],
    [slots.userAgent, FIELD.userAgent],
    [slots.origin, FIELD.origin],
    [slots.secFetch, FIELD.secFetch],
    [slots.requestId, FIELD.requestId],
  ];
  return textPlan(pairs.flatMap(([of, field]) => of.map((slot) => [slot, field] as const)));
}

class ApimDecoder implements Decoder {
  private readonly reader: JsonReader;
  private readonly slots: ReturnType<typeof slotsOf>;
  private readonly texts: TextPlan;
  private readonly keySlots: readonly number[];

  constructor(options: FormatOptions) {
    const named = keyHeaders(options);
    const names = options.key === undefined ? [KEY_HEADER, ...named] : named;
    const keys = names.flatMap(headerPaths);
    if (options.key?.kind === 'field') keys.push({ path: dottedPath(options.key.name) });
    this.reader = new JsonReader([...PATHS, ...keys]);
    this.slots = slotsOf(this.reader.scanner);
    this.texts = textsOf(this.slots);
    this.keySlots = keys.map(({ path }) => this.reader.scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader, slots } = this;
    if (!reader.begin(bytes, start, end, draft)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    draft.at = reader.instant(this.first(slots.at));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(this.first(slots.status));
    draft.durationMs = reader.amount(this.first(slots.durationMs));
    draft.bytesIn = reader.amount(this.first(slots.bytesIn));
    draft.bytesOut = reader.amount(this.first(slots.bytesOut));
    reader.fill(this.texts, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    draft.auth = authOf(draft.status, known);
    draft.limitedBy = this.limitedBy(draft.status);
    return takeRawKey(reader, this.keySlots, draft) || known
      ? REJECTION.ok
      : REJECTION.ambiguousKey;
  }

  private limitedBy(status: number): LimitedBy {
    const { reader, slots } = this;
    const decision = this.first(slots.decision);
    if (reader.is(decision, THROTTLE) || reader.is(decision, REFUSE)) return LIMITED_BY.keyhound;
    const reason = this.first(slots.reason);
    if (reader.is(reason, RATE_EXCEEDED) || reader.is(reason, QUOTA_EXCEEDED)) {
      return LIMITED_BY.gateway;
    }
    // An answer of a policy's own; where the backend was asked, it was the backend's.
    const asked = reader.number(this.first(slots.backendStatus)) > 0;
    return status === 429 && !asked ? LIMITED_BY.gateway : LIMITED_BY.nobody;
  }

  /** The first of the slots that has a value; -1, which reads as absent, when none has. */
  private first(slots: Slots): number {
    for (const slot of slots) if (this.reader.has(slot)) return slot;
    return -1;
  }
}

const RATE_EXCEEDED = ascii('RateLimitExceeded');
const QUOTA_EXCEEDED = ascii('QuotaExceeded');
const THROTTLE = ascii('throttle');
const REFUSE = ascii('refuse');

export const azureApim: Format = Object.freeze({
  id: 'azure-apim',
  summary: 'Azure API Management, GatewayLogs (JSON)',
  framing: 'json',
  gateway: 'azure',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new ApimDecoder(options),
  recognise(sample: Uint8Array) {
    const scanner = new JsonScanner(PATHS);
    const slots = slotsOf(scanner);
    const needed = [slots.at, slots.requestId, slots.clientAddress, slots.method, slots.status];
    const records = sampleObjects(sample);
    const matching = records.filter(
      ({ start, end }) =>
        scanner.scan(sample, start, end) &&
        needed.every((of) => of.some((slot) => scanner.found[slot] !== KIND.absent)),
    );
    return byShare(
      matching.length,
      records.length,
      'records',
      'a time, a correlation id, a caller, a method and a response code of API Management',
      0.97,
    );
  },
});
