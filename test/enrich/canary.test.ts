import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKeySpec } from '../../core/key-spec.ts';
import { FIELD, type FieldName } from '../../core/record.ts';
import { holdsSecret } from '../../enrich/secrets.ts';
import { enricher, resolve, traits } from './fakes.ts';

/** Raw keys that are hard to tell from words: letters only, with slashes, capitals, short, with escapes. */
const CANARIES = [
  'kx_live_0123456789abcdef',
  'hunterkestrel',
  'canary/with/slashes',
  'CANARYKEY',
  'abcd',
  'Üml%21aut key',
];
const ENCODINGS: Readonly<Record<string, (raw: string) => string>> = {
  'as sent': (raw) => raw,
  'other case': (raw) =>
    raw.replace(/[a-z]/gi, (sign) =>
      sign === sign.toLowerCase() ? sign.toUpperCase() : sign.toLowerCase(),
    ),
  percent: (raw) => percent(raw),
  'percent twice': (raw) => encodeURIComponent(percent(raw)),
  base64: (raw) => Buffer.from(raw).toString('base64'),
  'base64 inside': (raw) => Buffer.from(`user:${raw}`).toString('base64'),
  base64url: (raw) => Buffer.from(`x:${raw}`).toString('base64url'),
  hexadecimal: (raw) => Buffer.from(raw).toString('hex'),
};
const FRAMES: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `/v1/${text}/orders?x=${text}`,
  (text) => `a ${text} b`,
];

function percent(raw: string): string {
  return [...Buffer.from(raw)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Fails when the event shows the key in any form. Short keys are not looked for in decoded forms. */
function assertClean(event: unknown, raw: string, where: string): void {
  const forms = Object.entries(ENCODINGS)
    .filter(([name]) => raw.length >= 6 || !/base64|hexadecimal/.test(name))
    .map(([, encode]) => encode(raw).toLowerCase());
  JSON.stringify(event, (_, value: unknown) => {
    if (typeof value !== 'string') return value;
    const text = value.toLowerCase();
    for (const form of forms) assert.ok(!text.includes(form), `${where}: found in "${value}"`);
    return value;
  });
}

test('a raw key in any field and encoding is in no part of the event', () => {
  const by = enricher();
  const fields = Object.keys(FIELD) as FieldName[];
  let checked = 0;
  for (const raw of CANARIES) {
    for (const [encoding, encode] of Object.entries(ENCODINGS)) {
      for (const field of fields.filter((name) => name !== 'rawKey')) {
        for (const frame of FRAMES) {
          const texts = { credentialId: 'c-1', rawKey: raw, [field]: frame(encode(raw)) };
          const { code, event } = resolve(texts, { by });
          assert.equal(code, 0);
          assertClean(event, raw, `${field}, ${encoding}`);
          checked++;
        }
      }
    }
  }
  assert.ok(checked > 1000);
});

test('the same when the key is in the query only, behind Bearer or Basic, or in a cookie', () => {
  const raw = 'hunterkestrel';
  const token = Buffer.from(`${raw}:pass-word-x`).toString('base64');
  const places: [string | undefined, Partial<Record<FieldName, string>>][] = [
    [undefined, { target: `/v1/${raw}?api_key=${raw}` }],
    ['query:token', { target: `/v1/${raw}?token=${percent(raw)}` }],
    ['bearer', { rawKey: `Bearer ${raw}`, target: `/v1/${raw}` }],
    ['basic', { rawKey: `Basic ${token}`, target: `/v1/${raw}` }],
    ['cookie:sid', { rawKey: `sid=${raw}; a=b`, target: `/v1/${raw}` }],
    ['path:^/v1/([^/]+)', { target: `/v1/${raw}/${raw}` }],
    ['client_ip', { rawKey: raw, clientAddress: '198.51.100.7', target: `/v1/${raw}` }],
  ];
  for (const [spec, texts] of places) {
    const key = spec === undefined ? undefined : parseKeySpec(spec);
    const all = { consumer: `team ${raw}`, method: raw.toUpperCase(), route: raw, ...texts };
    const { code, event } = resolve(all, { traits: traits({ key }) });
    assert.equal(code, 0, spec);
    assertClean(event, raw, spec ?? 'no spec');
    assert.equal(event.consumer, '', spec);
  }
  const password = resolve(
    { rawKey: `Basic ${token}`, consumer: 'uses pass-word-x', target: '/pass-word-x' },
    { traits: traits({ key: parseKeySpec('basic') }) },
  );
  assertClean(password.event, 'pass-word-x', 'password');
});

test('a key that was seen before is still kept out of the texts of its next record', () => {
  const by = enricher();
  const texts = { credentialId: 'a', rawKey: 'hunterkestrel', consumer: 'acme' };
  resolve({ ...texts, target: '/v1/orders' }, { by });
  const { event } = resolve(
    { ...texts, target: '/v1/hunterkestrel', method: 'HUNTERKESTREL' },
    { by },
  );
  assert.deepEqual([event.route.template, event.method], ['/v1/{id}', '']);
});

test('the names of a place that the edge wrote do not show the key either', () => {
  const raw = 'hunterkestrel';
  const place = {
    country: 'DE',
    region: raw,
    city: `x ${raw}`,
    latitude: 1,
    longitude: 1,
    radiusKm: 1,
    asn: 0,
  };
  const { event } = resolve({ rawKey: raw }, { numbers: { place } });
  assertClean(event, raw, 'place');
  assert.equal(event.place.country, 'DE');
});

test('texts that do not show the key stay, also next to ones that do', () => {
  const by = enricher();
  const texts = {
    credentialId: 'c-1',
    rawKey: 'hunterkestrel',
    consumer: 'acme',
    target: '/v1/orders',
  };
  assert.equal(
    resolve({ ...texts, target: '/v1/hunterkestrel/x' }, { by }).event.route.template,
    '/v1/{id}/x',
  );
  const { event } = resolve(texts, { by });
  assert.deepEqual([event.consumer, event.route.template], ['acme', '/v1/orders']);
  const other = resolve({ ...texts, rawKey: 'another-raw-key', consumer: 'hunterkestrel' }, { by });
  assert.equal(other.event.consumer, 'hunterkestrel', 'not the key of that record');
});

test('hostile texts are kept as they are: sinks escape them', () => {
  for (const consumer of ['\u001b[31mred', '<img src=x>', '=cmd()', '\u202eevil']) {
    assert.equal(resolve({ credentialId: 'a', consumer }).event.consumer, consumer);
  }
  for (const method of ['get', 'G\u001bT', 'A'.repeat(17), '<b>', '']) {
    assert.equal(resolve({ credentialId: 'a', method }).event.method, '');
  }
});

test('an over-long consumer is cut, stays distinct, and is searched before it is cut', () => {
  const raw = 'hunterkestrel';
  const consumerOf = (consumer: string) =>
    resolve({ credentialId: 'a', rawKey: raw, consumer }).event.consumer;
  const one = consumerOf(`${'x'.repeat(300)}1`);
  const two = consumerOf(`${'x'.repeat(300)}2`);
  assert.ok(one.length < 140 && one !== two);
  assert.equal(consumerOf(`${'x'.repeat(112)}${raw}${'x'.repeat(300)}`), '');
});

test('a part of a key with slashes does not stay behind where a template is cut', () => {
  const rawKey = 'canary/with/slashes';
  const { event } = resolve({ credentialId: 'a', rawKey, target: `/a/b/c/d/e/${rawKey}` });
  assert.equal(event.route.template, '/a/b/c/d/e/{id}/*');
});

test('a secret is found in every form, and nothing is found where there is none', () => {
  const secret = 'hunterkestrel';
  for (const [name, encode] of Object.entries(ENCODINGS)) {
    for (const around of ['', 'x', 'xy', 'a-']) {
      assert.ok(holdsSecret(`${around}${encode(secret)} z`, secret), `${name}, behind "${around}"`);
    }
  }
  for (const text of ['', 'hunter', 'kestrelhunter', '%', '%zz', 'aHVudGVy', '68756e746572']) {
    assert.ok(!holdsSecret(text, secret), text);
  }
  assert.ok(
    holdsSecret('/v1/abc/x', 'abc') && !holdsSecret('/v1/xabcx', 'abc'),
    'short: whole words',
  );
  assert.ok(!holdsSecret('anything', ''));
});
