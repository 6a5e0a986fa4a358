/**
 * AWS API Gateway (REST, and HTTP APIs as far as they log the same): access log in JSON, as docs/formats.md
 * suggests. All values are strings, a missing one is `-`.
 */
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { AUTH, type Auth, FIELD, LIMITED_BY, type RecordDraft } from '../../core/record.ts';
import { KIND, type WantedPath } from '../json-paths.ts';
import { at, recogniseObjects } from '../json-places.ts';
import { ascii, authOf, isBlank, JsonReader, type TextPlan, textPlan } from '../json-read.ts';
import type { JsonScanner } from '../json-scan.ts';
import { dottedPath, takeRawKey } from '../raw-key.ts';

const LATENESS_MS = 60_000;

const NAMES = [
  'requestId',
  'requestTimeEpoch',
  'requestTime',
  'ip',
  'sourceIp',
  'userAgent',
  'apiKeyId',
  'apiKey',
  'httpMethod',
  'path',
  'resourcePath',
  'routeKey',
  'status',
  'responseLength',
  'responseLatency',
  'integrationStatus',
  'principalId',
  'errorType',
  'responseType',
  'messageType',
] as const;
const IDENTITY = ['apiKeyId', 'apiKey', 'sourceIp', 'userAgent'] as const;

const WANTED: readonly WantedPath[] = [
  ...NAMES.map((name) => ({ path: [name] })),
  ...IDENTITY.map((name) => ({ path: ['identity', name] })),
  { path: ['error', 'responseType'] },
  { path: ['authorizer', 'principalId'] },
];

function textsOf(scanner: JsonScanner): TextPlan {
  return textPlan([
    [scanner.slot('apiKeyId'), FIELD.credentialId],
    [scanner.slot('identity', 'apiKeyId'), FIELD.credentialId],
    [scanner.slot('principalId'), FIELD.consumer],
    [scanner.slot('authorizer', 'principalId'), FIELD.consumer],
    [scanner.slot('ip'), FIELD.clientAddress],
    [scanner.slot('sourceIp'), FIELD.clientAddress],
    [scanner.slot('identity', 'sourceIp'), FIELD.clientAddress],
    [scanner.slot('httpMethod'), FIELD.method],
    [scanner.slot('path'), FIELD.target],
    [scanner.slot('resourcePath'), FIELD.route],
    [scanner.slot('routeKey'), FIELD.route],
    [scanner.slot('userAgent'), FIELD.userAgent],
    [scanner.slot('identity', 'userAgent'), FIELD.userAgent],
    [scanner.slot('requestId'), FIELD.requestId],
  ]);
}

class ApiGatewayDecoder implements Decoder {
  private readonly reader: JsonReader;
  private readonly texts: TextPlan;
  private readonly errorSlots: readonly number[];
  private readonly keySlots: readonly number[];

  constructor(options: FormatOptions) {
    const key = options.key;
    const keyPaths =
      key === undefined
        ? [['apiKey'], ['identity', 'apiKey']]
        : key.kind === 'field'
          ? [dottedPath(key.name)]
          : [];
    this.reader = new JsonReader([...WANTED, ...keyPaths.map((path) => ({ path }))], true);
    const scanner = this.reader.scanner;
    this.texts = textsOf(scanner);
    this.errorSlots = [
      scanner.slot('errorType'),
      scanner.slot('responseType'),
      scanner.slot('error', 'responseType'),
    ];
    this.keySlots = keyPaths.map((path) => scanner.slot(...path));
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    const { reader } = this;
    if (!reader.begin(bytes, start, end, draft)) {
      return isBlank(bytes, start, end) ? REJECTION.ignored : REJECTION.malformed;
    }
    const slot = (name: (typeof NAMES)[number]): number => reader.scanner.slot(name);
    if (reader.is(slot('messageType'), CONTROL_MESSAGE)) return REJECTION.ignored;
    draft.at = reader.instant(slot('requestTimeEpoch'));
    if (Number.isNaN(draft.at)) draft.at = reader.instant(slot('requestTime'));
    if (Number.isNaN(draft.at)) return REJECTION.noTime;
    draft.status = reader.status(slot('status'));
    draft.durationMs = reader.amount(slot('responseLatency'));
    draft.bytesOut = reader.amount(slot('responseLength'));
    reader.fill(this.texts, draft);
    const known = draft.start[FIELD.credentialId]! >= 0;
    draft.auth = this.auth(draft.status, known);
    if (this.isLimited(draft.status, slot('integrationStatus'))) {
      draft.limitedBy = LIMITED_BY.gateway;
    }
    return takeRawKey(reader, this.keySlots, draft) || known
      ? REJECTION.ok
      : REJECTION.ambiguousKey;
  }

  private auth(status: number, known: boolean): Auth {
    // A key that is disabled or unknown is refused with 403, not 401.
    return this.refusedAs(INVALID_API_KEY) ? AUTH.failed : authOf(status, known);
  }

  private isLimited(status: number, integrationStatus: number): boolean {
    if (this.refusedAs(THROTTLED) || this.refusedAs(QUOTA_EXCEEDED)) return true;
    if (status !== 429 || this.errorSlots.some((slot) => this.reader.has(slot))) return false;
    // The backend was not asked: it is logged, and empty.
    const { found } = this.reader;
    return found[integrationStatus] !== KIND.absent && !this.reader.has(integrationStatus);
  }

  private refusedAs(word: Uint8Array): boolean {
    return this.errorSlots.some((slot) => this.reader.is(slot, word));
  }
}

const CONTROL_MESSAGE = ascii('CONTROL_MESSAGE');
const INVALID_API_KEY = ascii('INVALID_API_KEY');
const THROTTLED = ascii('THROTTLED');
const QUOTA_EXCEEDED = ascii('QUOTA_EXCEEDED');

export const awsApigateway: Format = Object.freeze({
  id: 'aws-apigateway',
  summary: 'AWS API Gateway access log (JSON)',
  framing: 'json',
  gateway: 'aws',
  identity: 'record',
  latenessMs: LATENESS_MS,
  requestId: 'gateway',
  createDecoder: (options: FormatOptions): Decoder => new ApiGatewayDecoder(options),
  recognise: (sample: Uint8Array) =>
    recogniseObjects(
      sample,
      [
        [at('requestId')],
        [at('httpMethod')],
        [at('status')],
        [at('requestTimeEpoch'), at('requestTime')],
      ],
      'requestId, httpMethod, status and requestTime or requestTimeEpoch',
      0.96,
    ),
});
