/** The made API: its routes, the clients that call it, and the names of who owns the keys. */
import type { Agent, RouteProfile } from './contract.ts';
import type { Random } from './random.ts';

/** [service, name, method, template, query, median ms, median bytes, AWS service, AWS action]. */
type Row = readonly [string, string, string, string, string, number, number, string, string];

const ROWS: readonly Row[] = [
  ['orders', 'orders-list', 'GET', '/v1/orders', 'limit=50', 62, 9400, 's3', 'ListObjectsV2'],
  ['orders', 'orders-get', 'GET', '/v1/orders/{id}', '', 21, 1350, 's3', 'GetObject'],
  ['orders', 'orders-create', 'POST', '/v1/orders', '', 88, 620, 's3', 'PutObject'],
  ['orders', 'orders-update', 'PUT', '/v1/orders/{id}', '', 71, 640, 's3', 'PutObjectTagging'],
  ['orders', 'orders-cancel', 'DELETE', '/v1/orders/{id}', '', 55, 180, 's3', 'DeleteObject'],
  ['orders', 'order-items', 'GET', '/v1/orders/{id}/items', '', 34, 2900, 's3', 'GetObjectTagging'],
  [
    'customers',
    'customers-list',
    'GET',
    '/v1/customers',
    'limit=100',
    74,
    15200,
    'iam',
    'ListUsers',
  ],
  ['customers', 'customers-get', 'GET', '/v1/customers/{id}', '', 18, 1100, 'iam', 'GetUser'],
  ['customers', 'customers-update', 'PATCH', '/v1/customers/{id}', '', 49, 720, 'iam', 'TagUser'],
  [
    'customers',
    'customer-notes',
    'GET',
    '/v1/customers/{id}/notes',
    '',
    27,
    2100,
    'iam',
    'ListUserTags',
  ],
  ['catalog', 'products-list', 'GET', '/v1/products', 'page=1', 40, 18700, 'dynamodb', 'Scan'],
  ['catalog', 'products-get', 'GET', '/v1/products/{id}', '', 12, 3300, 'dynamodb', 'GetItem'],
  [
    'catalog',
    'products-search',
    'GET',
    '/v1/products/search',
    'q=chair',
    95,
    8800,
    'dynamodb',
    'Query',
  ],
  [
    'catalog',
    'prices-get',
    'GET',
    '/v1/products/{id}/price',
    '',
    9,
    240,
    'dynamodb',
    'BatchGetItem',
  ],
  [
    'catalog',
    'stock-get',
    'GET',
    '/v1/products/{id}/stock',
    '',
    11,
    210,
    'dynamodb',
    'DescribeTable',
  ],
  [
    'catalog',
    'stock-update',
    'PUT',
    '/v1/products/{id}/stock',
    '',
    38,
    160,
    'dynamodb',
    'UpdateItem',
  ],
  ['payments', 'payments-create', 'POST', '/v1/payments', '', 240, 910, 'kms', 'Encrypt'],
  ['payments', 'payments-get', 'GET', '/v1/payments/{id}', '', 30, 980, 'kms', 'Decrypt'],
  [
    'payments',
    'refunds-create',
    'POST',
    '/v1/payments/{id}/refunds',
    '',
    260,
    520,
    'kms',
    'GenerateDataKey',
  ],
  ['payments', 'invoices-list', 'GET', '/v1/invoices', 'limit=25', 66, 7600, 'kms', 'ListKeys'],
  ['payments', 'invoices-get', 'GET', '/v1/invoices/{id}', '', 45, 48000, 'kms', 'DescribeKey'],
  [
    'reports',
    'reports-daily',
    'GET',
    '/v1/reports/daily',
    'format=json',
    410,
    64000,
    'athena',
    'GetQueryResults',
  ],
  [
    'reports',
    'reports-get',
    'GET',
    '/v1/reports/{id}',
    '',
    130,
    38000,
    'athena',
    'GetQueryExecution',
  ],
  [
    'reports',
    'exports-create',
    'POST',
    '/v1/exports',
    '',
    150,
    300,
    'athena',
    'StartQueryExecution',
  ],
  ['shipping', 'shipments-list', 'GET', '/v1/shipments', 'limit=50', 58, 8100, 'sqs', 'ListQueues'],
  ['shipping', 'shipments-get', 'GET', '/v1/shipments/{id}', '', 22, 1500, 'sqs', 'ReceiveMessage'],
  ['shipping', 'shipments-create', 'POST', '/v1/shipments', '', 120, 700, 'sqs', 'SendMessage'],
  [
    'shipping',
    'tracking-get',
    'GET',
    '/v1/shipments/{id}/tracking',
    '',
    33,
    2600,
    'sqs',
    'GetQueueAttributes',
  ],
  ['events', 'events-push', 'POST', '/v1/events', '', 8, 40, 'sns', 'Publish'],
  ['events', 'webhooks-list', 'GET', '/v1/webhooks', '', 16, 900, 'sns', 'ListTopics'],
  ['events', 'webhooks-test', 'POST', '/v1/webhooks/{id}/test', '', 180, 260, 'sns', 'Subscribe'],
  ['account', 'account-usage', 'GET', '/v1/account/usage', '', 14, 640, 'sts', 'GetCallerIdentity'],
  [
    'account',
    'account-limits',
    'GET',
    '/v1/account/limits',
    '',
    10,
    380,
    'sts',
    'GetAccessKeyInfo',
  ],
  ['account', 'tokens-create', 'POST', '/v1/account/tokens', '', 52, 410, 'sts', 'AssumeRole'],
];

export const ROUTES: readonly RouteProfile[] = Object.freeze(ROWS.map(routeOf));

/** What a scanner asks for: nobody's daily work. */
const PROBE_ROWS: readonly Row[] = [
  ['admin', 'admin', 'GET', '/admin', '', 4, 300, 'iam', 'GetAccountSummary'],
  ['admin', 'admin-users', 'GET', '/v1/admin/users', '', 20, 900, 'iam', 'ListRoles'],
  ['admin', 'admin-keys', 'GET', '/v1/admin/keys', '', 20, 900, 'iam', 'ListAccessKeys'],
  ['admin', 'admin-keys-create', 'POST', '/v1/admin/keys', '', 30, 400, 'iam', 'CreateAccessKey'],
  ['none', 'dot-env', 'GET', '/.env', '', 2, 200, 's3', 'GetBucketPolicy'],
  ['none', 'dot-git', 'GET', '/.git/config', '', 2, 200, 's3', 'GetBucketAcl'],
  ['none', 'actuator', 'GET', '/actuator/env', '', 3, 200, 'ec2', 'DescribeInstances'],
  ['none', 'graphql', 'POST', '/graphql', '', 9, 600, 'ec2', 'DescribeSnapshots'],
  ['customers', 'customers-export', 'GET', '/v1/customers/export', '', 90, 52000, 'rds', 'Copy'],
  ['customers', 'customers-delete', 'DELETE', '/v1/customers/{id}', '', 40, 60, 'iam', 'Delete'],
  ['payments', 'payments-update', 'PUT', '/v1/payments/{id}', '', 60, 500, 'kms', 'PutKeyPolicy'],
  ['account', 'account-owners', 'POST', '/v1/account/owners', '', 40, 300, 'iam', 'CreateUser'],
  ['internal', 'debug', 'GET', '/internal/debug', '', 5, 700, 'ssm', 'GetParameters'],
  ['internal', 'metrics', 'GET', '/metrics', '', 6, 4000, 'logs', 'DescribeLogGroups'],
];
export const PROBES: readonly RouteProfile[] = Object.freeze(
  PROBE_ROWS.map((row, index) => routeOf(row, ROWS.length + index)),
);

function routeOf(row: Row, index: number): RouteProfile {
  const [service, name, method, template, query, latency, bytes, awsService, awsName] = row;
  const at = template.indexOf('{id}');
  return Object.freeze({
    id: `0f1a4101-3327-4274-b1e4-${(0x484a4ab0c000 + index).toString(16)}`,
    name,
    service,
    method,
    template,
    before: at < 0 ? template : template.slice(0, at),
    after: at < 0 ? '' : template.slice(at + '{id}'.length),
    numbered: at >= 0,
    query,
    latencyMedianMs: latency,
    latencySigma: 0.35 + 0.05 * (index % 5),
    bytesMedian: bytes,
    bytesSigma: 0.2 + 0.1 * (index % 4),
    awsSource: `${awsService}.amazonaws.com`,
    awsName,
    readOnly: method === 'GET',
  });
}

interface Family {
  readonly name: string;
  /** Share among server-side keys. */
  readonly weight: number;
  readonly versions: readonly string[];
  text(version: string): string;
}

const FAMILIES: readonly Family[] = [
  {
    name: 'python-requests',
    weight: 0.24,
    versions: ['2.28.2', '2.31.0', '2.32.3'],
    text: (v) => `python-requests/${v}`,
  },
  {
    name: 'node-fetch',
    weight: 0.16,
    versions: ['2.6.7', '2.7.0', '3.3.2'],
    text: (v) => `node-fetch/${v} (+https://github.com/node-fetch/node-fetch)`,
  },
  { name: 'axios', weight: 0.13, versions: ['1.6.8', '1.7.2', '1.7.9'], text: (v) => `axios/${v}` },
  {
    name: 'go-http-client',
    weight: 0.14,
    versions: ['1.1', '2.0'],
    text: (v) => `Go-http-client/${v}`,
  },
  {
    name: 'okhttp',
    weight: 0.09,
    versions: ['4.10.0', '4.12.0', '5.0.0'],
    text: (v) => `okhttp/${v}`,
  },
  { name: 'java', weight: 0.07, versions: ['17.0.9', '21.0.3'], text: (v) => `Java/${v}` },
  { name: 'curl', weight: 0.06, versions: ['7.88.1', '8.5.0', '8.6.0'], text: (v) => `curl/${v}` },
  {
    name: 'browser',
    weight: 0.11,
    versions: ['122.0.0.0', '123.0.0.0', '124.0.0.0'],
    text: (v) =>
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${v} Safari/537.36`,
  },
];
const FAMILY_WEIGHTS = FAMILIES.map((family) => family.weight);
const AGENTS: readonly (readonly Agent[])[] = FAMILIES.map((family) =>
  family.versions.map((version) =>
    Object.freeze({ family: family.name, text: family.text(version) }),
  ),
);
/** What thieves' scripts use: three families, so that one differs from any key's own. */
const TOOLS = ['python-requests', 'curl', 'go-http-client'];

export function drawAgent(random: Random): Agent {
  return random.pick(AGENTS[random.weighted(FAMILY_WEIGHTS)]!);
}

/** Another version of the same family, or now and then another family. */
export function drawOtherAgent(current: Agent, random: Random): Agent {
  const same = AGENTS.flat().filter((a) => a.family === current.family && a !== current);
  const other = AGENTS.flat().filter((a) => a.family !== current.family);
  return random.pick(same.length > 0 && random.chance(0.75) ? same : other);
}

export function drawBrowser(random: Random): Agent {
  return random.pick(AGENTS.flat().filter((a) => a.family === 'browser'));
}

export function drawTool(current: Agent, random: Random): Agent {
  const tools = AGENTS.flat().filter(
    (a) => TOOLS.includes(a.family) && a.family !== current.family,
  );
  return random.pick(tools);
}

const FIRST = 'amber north river stone cedar lunar copper silver quiet bright maple coral'.split(
  ' ',
);
const SECOND = 'harbor field forge bridge market cargo orchard summit garden studio ridge'.split(
  ' ',
);
const PURPOSES = 'checkout sync reports mobile import stock billing portal etl partner'.split(' ');

/** Two words and, past the number of pairs, a number: unique by index. */
export function consumerName(index: number): string {
  const pair = index % (FIRST.length * SECOND.length);
  const round = (index - pair) / (FIRST.length * SECOND.length);
  const name = `${FIRST[pair % FIRST.length]}-${SECOND[(pair * 7) % SECOND.length]}`;
  return round === 0 ? name : `${name}-${round + 1}`;
}

export function drawPurpose(random: Random): string {
  return random.pick(PURPOSES);
}

export const PLANS: readonly string[] = ['free', 'team', 'business', 'enterprise'];
