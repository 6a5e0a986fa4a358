/**
 * AWS CloudTrail: one event of a log file's `Records`, of a JSON array, of a line, or below an EventBridge `detail`.
 *
 * CloudTrail has no HTTP status: it is derived from the error code. AWS checks the signature before it looks at
 * permissions, so `AccessDenied` is a use of the key by somebody who has it; a wrong or expired signature is not.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { FIELD, LIMITED_BY, type RecordDraft } from '../../core/record.ts';
import { KIND, type WantedPath } from '../json-paths.ts';
import { ascii, authOf, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import { JsonScanner } from '../json-scan.ts';
import { dottedPath, takeRawKey } from '../raw-key.ts';
import { byShare, sampleObjects } from '../sample.ts';

/** Delivery takes 5 minutes on average and is not bounded by AWS. */
const LATENESS_MS = 20 * 60_000;

const PATHS = [
  ['eventTime'],
  ['@timestamp'],
  ['eventSource'],
  ['eventName'],
  ['eventID'],
  ['errorCode'],
  ['sourceIPAddress'],
  ['userAgent'],
  ['userIdentity', 'accessKeyId'],
  ['userIdentity', 'userName'],
  ['userIdentity', 'arn'],
  ['userIdentity', 'accountId'],
  ['additionalEventData', 'bytesTransferredIn'],
  ['additionalEventData', 'bytesTransferredOut'],
] as const;

/** Where an event's members are. EventBridge puts the event below `detail`; tables have each path as one name. */
type Layout = (path: readonly string[]) => readonly string[];
const BARE: Layout = (path) => path;
const DETAIL: Layout = (path) => ['detail', ...path];
const FLAT: Layout = (path) => [path.join('.')];

/** Once each: where nothing is nested a flat event has the names of a bare one. */
const WANTED: readonly WantedPath[] = [BARE, DETAIL].flatMap((layout) =>
  PATHS.map((path) => ({ path: layout(path) })),
);
const WANTED_FLAT: readonly WantedPath[] = PATHS.filter((path) => path.length > 1).map((path) => ({
  path: FLAT(path),
}));

function slotsOf(scanner: JsonScanner, layout: Layout) {
  const slot = (...path: string[]): number => scanner.slot(...layout(path));
  const texts: TextPlan = textPlan([
    [slot('userIdentity', 'accessKeyId'), FIELD.credentialId],
    [slot('sourceIPAddress'), FIELD.clientAddress],
    [slot('userAgent'), FIELD.userAgent],
    [slot('eventID'), FIELD.requestId],
  ]);
  return {
    texts,
    eventTime: slot('eventTime'),
    timestamp: slot('@timestamp'),
    eventSource: slot('eventSource'),
    eventName: slot('eventName'),
    errorCode: slot('errorCode'),
    accessKeyId: slot('userIdentity', 'accessKeyId'),
    userName: slot('userIdentity', 'userName'),
    arn: slot('userIdentity', 'arn'),
    accountId: slot('userIdentity', 'accountId'),
    bytesIn: slot('additionalEventData', 'bytesTransferredIn'),
    bytesOut: slot('additionalEventData', 'bytesTransferredOut'),
  };
}

class CloudtrailDecoder implements Decoder {
  private readonly reader: JsonReader;
  private readonly bare: ReturnType<typeof slotsOf>;
  private readonly detail: ReturnType<typeof slotsOf>;
  private readonly flat: ReturnType<typeof slotsOf>;
  private readonly keySlots: readonly number[];

  constructor(options: FormatOptions) {
    const key = options.key;
    const field = key?.kind === 'field' ? [{ path: dottedPath(key.name) }] : [];
    this.reader = new JsonReader([...WANTED, ...WANTED_FLAT, ...field]);
    this.bare = slotsOf(this.reader.scanner, BARE);
    this.detail = slotsOf(this.reader.scanner, DETAIL);
    this.flat = slotsOf(this.reader.scanner, FLAT);
    this.keySlots = field.map(({ path }) => this.reader.scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader } = this;
    if (!reader.begin(bytes, start, end, draft)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    const slots = this.layout();
    if (!reader.has(slots.eventName)) return REJECTION.malformed;
    draft.at = reader.instant(slots.eventTime);
    if (Number.isNaN(draft.at)) draft.at = reader.instant(slots.timestamp);
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.has(slots.errorCode) ? statusOf(reader.string(slots.errorCode)) : 200;
    draft.bytesIn = reader.amount(slots.bytesIn);
    draft.bytesOut = reader.amount(slots.bytesOut);
    if (draft.status === 429) draft.limitedBy = LIMITED_BY.gateway;
    reader.fill(slots.texts, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    draft.auth = authOf(draft.status, known);
    this.consumer(slots, draft);
    this.route(slots, draft);
    return takeRawKey(reader, this.keySlots, draft) || known
      ? REJECTION.ok
      : REJECTION.ambiguousKey;
  }

  private layout(): ReturnType<typeof slotsOf> {
    const { reader, bare, flat } = this;
    if (!reader.has(bare.eventName)) return this.detail;
    return reader.has(flat.accessKeyId) && !reader.has(bare.accessKeyId) ? flat : bare;
  }

  /** The user's name, else the account: arn:aws:iam::ACCOUNT:user/ci. */
  private consumer(slots: ReturnType<typeof slotsOf>, draft: RecordDraft): void {
    const { reader } = this;
    if (!reader.is(slots.userName, HIDDEN) && reader.text(slots.userName, draft, FIELD.consumer)) {
      return;
    }
    const account = /^arn:[^:]*:[^:]*:[^:]*:(\d+):/.exec(reader.string(slots.arn))?.[1];
    if (account === undefined) {
      reader.text(slots.accountId, draft, FIELD.consumer);
      return;
    }
    const from = reader.scratch.length;
    reader.scratch.append(ascii(account));
    reader.scratch.give(draft, FIELD.consumer, from);
  }

  /** `s3.amazonaws.com:GetObject`. */
  private route(slots: ReturnType<typeof slotsOf>, draft: RecordDraft): void {
    const { reader } = this;
    const from = reader.scratch.length;
    if (reader.append(slots.eventSource)) reader.scratch.append(COLON);
    reader.append(slots.eventName);
    reader.scratch.give(draft, FIELD.route, from);
  }
}

const COLON = ascii(':');
/** What CloudTrail writes for a name that was typed at a failed sign-in: it may be a password. */
const HIDDEN = ascii('HIDDEN_DUE_TO_SECURITY_REASONS');

/** The HTTP status that an error code stands for. Services spell the same code in several ways. */
export function statusOf(errorCode: string): number {
  const code = errorCode.replace(/^(Client|Server)\./, '').replace(/(Exception|Error|Fault)$/, '');
  if (THROTTLED.has(code)) return 429;
  if (UNAUTHENTICATED.has(code)) return 401;
  if (DENIED.has(code)) return 403;
  if (errorCode.startsWith('Server.') || FAILED.has(code)) return 500;
  return 400;
}

const THROTTLED: ReadonlySet<string> = new Set([
  'Throttling',
  'Throttled',
  'ThrottledRequests',
  'RequestLimitExceeded',
  'RequestThrottled',
  'TooManyRequests',
  'SlowDown',
  'ProvisionedThroughputExceeded',
  'BandwidthLimitExceeded',
  'EC2Throttled',
  'PriorRequestNotComplete',
]);
const UNAUTHENTICATED: ReadonlySet<string> = new Set([
  'AuthFailure',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSignature',
  'IncompleteSignature',
  'ExpiredToken',
  'InvalidToken',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'UnrecognizedClient',
  'MissingAuthenticationToken',
]);
const DENIED: ReadonlySet<string> = new Set([
  'AccessDenied',
  'UnauthorizedOperation',
  'UnauthorizedAccess',
  'Unauthorized',
  'NotAuthorized',
  'Authorization',
  'Forbidden',
  'OptInRequired',
  'ExplicitDeny',
]);
const FAILED: ReadonlySet<string> = new Set([
  'Internal',
  'InternalFailure',
  'InternalServer',
  'InternalService',
  'Service',
  'ServiceFailure',
  'ServiceUnavailable',
  'Unavailable',
  'DependencyFailure',
]);

export const cloudtrail: Format = Object.freeze({
  id: 'cloudtrail',
  summary: 'AWS CloudTrail: log files, JSON arrays, one event a line, EventBridge',
  framing: 'json',
  gateway: 'aws',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new CloudtrailDecoder(options),
  recognise(sample: Uint8Array) {
    const scanner = new JsonScanner(WANTED);
    const needed = [BARE, DETAIL].map((layout) => {
      const slots = slotsOf(scanner, layout);
      return [slots.eventSource, slots.eventName] as const;
    });
    const records = sampleObjects(sample);
    const matching = records.filter(
      ({ start, end }) =>
        scanner.scan(sample, start, end) &&
        needed.some((slots) => slots.every((slot) => scanner.found[slot] === KIND.string)),
    );
    return byShare(
      matching.length,
      records.length,
      'records',
      'eventSource and eventName, as CloudTrail writes them',
      0.97,
    );
  },
});
