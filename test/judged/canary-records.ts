/**
 * Records that hold a raw key in every place that a gateway's log has, for every format: as its fixtures have it,
 * and as a source of a user would be configured.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SourceConfig } from '../../core/config.ts';
import { FORMATS } from '../../ingest/formats/list.ts';
import { WRAPPED } from '../ingest/envelope-kit.ts';
import { casesOf, TEXT } from '../ingest/formats/cases.ts';
import { CANARIES, ENCODINGS, keyOf, planted } from '../ingest/formats/planted.ts';
import { ROOT } from './keyhound.ts';

/** What a source is set to, but for where it reads. */
export type Setting = Pick<
  SourceConfig,
  'format' | 'envelope' | 'key' | 'logFormat' | 'fields' | 'keyNames'
>;

export interface Sent {
  readonly setting: Setting;
  /** One record each. */
  readonly valid: readonly string[];
  readonly broken: readonly string[];
}

/** A record that shows `raw` as the key, and `hidden`, a way to write it, in all other places. */
type Shape = (raw: string, hidden: string, number: number) => object | string;

const FROM_AT = Date.parse('2026-03-01T10:00:00Z');
const PASSWORD_OF = 'pw';

const atOf = (number: number): string => new Date(FROM_AT + number * 1000).toISOString();
const clfTime = (number: number): string =>
  `01/Mar/2026:10:${String(Math.floor(number / 60)).padStart(2, '0')}:${String(number % 60).padStart(2, '0')} +0000`;
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function headers(raw: string, hidden: string, authorization: string): object {
  return {
    host: 'api.example.com',
    apikey: raw,
    'x-api-key': raw,
    authorization,
    cookie: `a=b; sid=${raw}; c=${hidden}`,
    referer: `https://user:${hidden}@shop.example.com/?apikey=${hidden}`,
    origin: `https://${hidden}.example.com`,
    'user-agent': `agent ${hidden}`,
    'x-forwarded-for': `198.51.100.7, ${hidden}`,
  };
}

function kong(authorization: (raw: string) => string): Shape {
  return (raw, hidden, number) => ({
    started_at: FROM_AT + number * 1000,
    client_ip: '198.51.100.7',
    request: {
      id: `request-${number}`,
      method: 'GET',
      uri: `/v1/${raw}/orders/${hidden}?apikey=${raw}&token=${raw}&x=${hidden}`,
      url: `https://user:${hidden}@api.example.com/v1/${raw}/orders?apikey=${raw}`,
      querystring: { apikey: raw, token: raw, x: hidden },
      size: 1,
      headers: headers(raw, hidden, authorization(raw)),
    },
    response: { status: 200, size: 1, headers: { location: `/${hidden}` } },
    latencies: { request: 1 },
    consumer: { id: 'c-1', username: `team ${hidden}`, custom_id: hidden },
    route: { name: `route ${hidden}` },
    service: { name: hidden },
  });
}

const keyhound: Shape = (raw, hidden, number) => ({
  at: atOf(number),
  key: raw,
  consumer: `team ${hidden}`,
  clientIp: '198.51.100.7',
  method: `G${hidden}`,
  path: `/v1/${raw}/orders/${hidden}?apikey=${hidden}`,
  route: `route ${hidden}`,
  status: 200,
  userAgent: `agent ${hidden}`,
  origin: `https://user:${hidden}@shop.example.com`,
  requestId: `${hidden}-${number}`,
  place: { country: 'DE', region: hidden, city: `at ${hidden}`, lat: 52, lon: 13, radiusKm: 20 },
});

const json: Shape = (raw, hidden, number) => ({
  time: atOf(number),
  api_key: raw,
  client_ip: '198.51.100.7',
  method: 'GET',
  path: `/v1/${raw}/orders/${hidden}?apikey=${raw}`,
  consumer: `team ${hidden}`,
  route: hidden,
  status: 200,
  user_agent: `agent ${hidden}`,
  referer: `https://user:${hidden}@shop.example.com/`,
});

const gateway: Shape = (raw, hidden, number) => ({
  requestId: `${hidden}-${number}`,
  requestTimeEpoch: String(FROM_AT + number * 1000),
  ip: '198.51.100.7',
  userAgent: `agent ${hidden}`,
  apiKey: raw,
  httpMethod: 'GET',
  path: `/prod/${raw}/${hidden}`,
  resourcePath: `/v1/${hidden}`,
  status: '200',
  user: hidden,
  caller: hidden,
});

/** The secret of an access key is shown once, in the answer that made it. */
const cloudtrail: Shape = (raw, hidden, number) => ({
  eventVersion: '1.11',
  userIdentity: { type: 'IAMUser', accountId: '123456789012', accessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
  eventTime: atOf(number).replace(/\.\d+/, ''),
  eventSource: 'iam.amazonaws.com',
  eventName: 'CreateAccessKey',
  awsRegion: 'us-east-1',
  sourceIPAddress: '198.51.100.7',
  userAgent: `agent ${hidden}`,
  requestParameters: { url: `https://user:${hidden}@example.com` },
  responseElements: { accessKey: { accessKeyId: 'AKIAI44QH8DHBEXAMPLE', secretAccessKey: raw } },
  requestID: `r${number}`,
  eventID: `e${number}`,
});

const combined: Shape = (raw, hidden, number) =>
  `198.51.100.7 - ${raw} [${clfTime(number)}] "GET /v1/${raw}/orders/${hidden}?apikey=${raw}&token=${raw}` +
  ` HTTP/1.1" 200 21 "https://user:${hidden}@shop.example.com/?apikey=${hidden}" "agent ${hidden}"`;

const LOG_FORMAT =
  `'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" ` +
  `"$http_user_agent" "$http_x_api_key" "$http_cookie" "$http_authorization"'`;

function nginx(authorization: (raw: string) => string): Shape {
  return (raw, hidden, number) =>
    `${combined(raw, hidden, number)} "${raw}" "a=b; sid=${raw}; c=${hidden}" "${authorization(raw)}"`;
}

const cloudflare: Shape = (raw, hidden, number) => ({
  EdgeStartTimestamp: atOf(number),
  EdgeEndTimestamp: atOf(number + 1),
  ClientIP: '198.51.100.7',
  ...{ ClientCountry: 'de', ClientRegionCode: hidden, ClientCity: `at ${hidden}` },
  ...{ ClientLatitude: '52.5', ClientLongitude: '13.4', ClientASN: 64500 },
  ClientRequestMethod: 'GET',
  ClientRequestHost: `${hidden}.example.com`,
  ClientRequestURI: `/v1/${raw}/orders/${hidden}?apikey=${raw}&token=${raw}&x=${hidden}`,
  ClientRequestReferer: `https://user:${hidden}@shop.example.com/`,
  ClientRequestUserAgent: `agent ${hidden}`,
  EdgeResponseStatus: 200,
  RayID: `ray-${number}`,
  RequestHeaders: headers(raw, hidden, bearer(raw)),
  Cookies: { sid: raw, other: hidden },
});

const apim: Shape = (raw, hidden, number) => ({
  time: atOf(number),
  category: 'GatewayLogs',
  callerIpAddress: '198.51.100.7',
  correlationId: `correlation-${number}`,
  properties: {
    method: 'GET',
    url: `https://api.example.com/v1/${raw}/orders/${hidden}?subscription-key=${raw}&token=${raw}&x=${hidden}`,
    backendUrl: `https://user:${hidden}@backend.example.com/${raw}`,
    responseCode: 200,
    operationId: `operation ${hidden}`,
    userId: `user ${hidden}`,
    apimSubscriptionId: `subscription-${number % 3}-${hidden}`,
    requestHeaders: { ...headers(raw, hidden, bearer(raw)), 'Ocp-Apim-Subscription-Key': raw },
  },
});

const alb: Shape = (raw, hidden, number) =>
  `https ${atOf(number)} app/edge/1 198.51.100.7:2817 192.0.2.1:80 0.000 0.001 0.000 200 200 34 366 ` +
  `"GET https://api.example.com:443/v1/${raw}/orders/${hidden}?apikey=${raw}&token=${raw}&x=${hidden} HTTP/1.1" ` +
  `"agent ${hidden}" - - arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/api/1 ` +
  `"Root=1-1-${number};CalledFrom=${hidden}" "${hidden}.example.com" "-" 0 ${atOf(number)} "forward" "-" "-"`;

const httplog: Shape = (raw, hidden, number) =>
  `198.51.100.7:38444 [${clfTime(number).slice(0, 20)}.000] fe be/s1 0/0/2/3/5 200 161 sid=${raw} - ---- ` +
  `1/1/0/0/0 0/0 {${raw}|agent ${hidden}} ` +
  `"GET /v1/${raw}/orders/${hidden}?apikey=${raw}&token=${raw}&x=${hidden} HTTP/1.1"`;

const haproxyJson: Shape = (raw, hidden, number) => ({
  ts: FROM_AT / 1000 + number,
  rid: `request-${number}`,
  key: raw,
  consumer: `team ${hidden}`,
  ip: '198.51.100.7',
  xff: `203.0.113.7, ${hidden}`,
  method: 'GET',
  path: `/v1/${raw}/orders/${hidden}?apikey=${raw}&x=${hidden}`,
  status: 200,
  ua: `agent ${hidden}`,
  origin: `https://${hidden}.example.com`,
  term: '----',
});

const bearer = (raw: string): string => `Bearer ${raw}`;
const asUser = (raw: string): string => basic(raw, PASSWORD_OF);
const asPassword = (raw: string): string => basic('user', raw);
const PATH_KEY = 'path:^/(?:v1|prod)/([^/]+)';

const SHAPES: readonly (readonly [Setting, Shape])[] = [
  ...[undefined, 'header:X-Api-Key', 'query:token', 'cookie:sid', PATH_KEY, 'bearer'].map(
    (key) => [{ format: 'kong', ...keyed(key) }, kong(bearer)] as const,
  ),
  [{ format: 'kong', key: 'basic' }, kong(asUser)],
  [{ format: 'kong', key: 'basic' }, kong(asPassword)],
  [{ format: 'keyhound' }, keyhound],
  [{ format: 'keyhound', key: PATH_KEY }, keyhound],
  [{ format: 'json' }, json],
  [{ format: 'json', key: 'field:api_key' }, json],
  [{ format: 'json', key: 'query:apikey' }, json],
  [{ format: 'aws-apigateway' }, gateway],
  [{ format: 'aws-apigateway', key: PATH_KEY }, gateway],
  [{ format: 'cloudtrail' }, cloudtrail],
  ...[undefined, 'header:X-Api-Key', 'field:Cookies.sid', 'query:token', 'bearer', PATH_KEY].map(
    (key) => [{ format: 'cloudflare', ...keyed(key) }, cloudflare] as const,
  ),
  ...[undefined, 'header:X-Api-Key', 'query:token', 'cookie:sid', PATH_KEY].map(
    (key) => [{ format: 'azure-apim', ...keyed(key) }, apim] as const,
  ),
  ...[undefined, 'query:token', PATH_KEY].map(
    (key) => [{ format: 'aws-alb', ...keyed(key) }, alb] as const,
  ),
  ...[undefined, 'field:capture.1', 'query:token', PATH_KEY].map(
    (key) => [{ format: 'haproxy', ...keyed(key) }, httplog] as const,
  ),
  [{ format: 'haproxy' }, haproxyJson],
  [{ format: 'haproxy', key: PATH_KEY }, haproxyJson],
  ...[undefined, 'query:token', 'basic', PATH_KEY].flatMap((key) =>
    ['combined', 'nginx'].map((format) => [{ format, ...keyed(key) }, combined] as const),
  ),
  ...['header:X-Api-Key', 'cookie:sid', 'bearer'].map(
    (key) => [{ format: 'nginx', logFormat: LOG_FORMAT, key }, nginx(bearer)] as const,
  ),
  ...WRAPPED.flatMap(({ id: envelope, wrap }) => {
    const wrapped =
      (shape: Shape): Shape =>
      (...record) =>
        wrap(asText(shape(...record)));
    return [
      [{ format: 'combined', envelope, key: 'query:token' }, wrapped(combined)] as const,
      [{ format: 'kong', envelope }, wrapped(kong(bearer))] as const,
    ];
  }),
];

function keyed(key: string | undefined): { key?: string } {
  return key === undefined ? {} : { key };
}

/** Of every shape: each canary in each encoding; and two of them broken. */
function ofShape([setting, shape]: (typeof SHAPES)[number]): Sent {
  const texts = CANARIES.flatMap((raw, i) =>
    ENCODINGS.map((encode, k) => asText(shape(raw, encode(raw), i * ENCODINGS.length + k))),
  );
  return { setting, valid: texts, broken: broken(texts) };
}

function asText(record: object | string): string {
  return typeof record === 'string' ? record : JSON.stringify(record);
}

/** Cut off, begun anew within a line, and without what says when. */
function broken(texts: readonly string[]): string[] {
  const first = texts[0]!;
  const last = texts.at(-2)!;
  return [
    first.slice(0, -Math.ceil(first.length / 8)),
    last.slice(0, Math.ceil(last.length / 2)),
    `${first.slice(0, first.length >> 1)}${last}`,
    last.replace(/2026|1772\d+/g, 'never'),
  ];
}

/** Every fixture record that shows a key, with the key in some of its other places. */
function ofFixtures(): Sent[] {
  return FORMATS.flatMap(({ id }) => casesOf(id)).flatMap((fixture) => {
    const shown = fixture.records.filter((record) => keyOf(fixture, record) !== undefined);
    const texts = shown.flatMap((record, i) =>
      ENCODINGS.map((_, encoding) => {
        const places = Array.from({ length: 8 }, (_place, k) => ({
          put: (k + i) % ENCODINGS.length !== encoding,
          encoding,
          around: k % 3,
        }));
        const raw = CANARIES[encoding % CANARIES.length]!;
        return TEXT.decode(planted(fixture, record, { raw, places }));
      }),
    );
    const folder = path.join(ROOT, 'test/fixtures/formats', fixture.name);
    const setting = fixture.hasOptions
      ? (JSON.parse(readFileSync(path.join(folder, 'options.json'), 'utf8')) as Setting)
      : {};
    return texts.length === 0
      ? []
      : [{ setting: { ...setting, format: fixture.formatId }, valid: texts, broken: [] }];
  });
}

export function sentRecords(): readonly Sent[] {
  return [...SHAPES.map(ofShape), ...ofFixtures()];
}
