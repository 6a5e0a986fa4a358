import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { REJECTION } from '../../core/format.ts';
import { hashText } from '../../core/hash.ts';
import type { KeySpec } from '../../core/key-spec.ts';
import { AUTH, type Auth } from '../../core/record.ts';
import { openGeography } from '../../enrich/geography.ts';
import { AT, enricher, format, resolve, traits } from './fakes.ts';

test('a record with everything fills the whole event', () => {
  const { code, event } = resolve(
    {
      credentialId: '7f2d',
      rawKey: 'kx_live_0123456789abcdef',
      consumer: 'acme',
      clientAddress: '8.8.8.8',
      method: 'GET',
      target: '/v1/orders/17?limit=1',
      userAgent: 'curl/8.6.0',
      requestId: 'r-1',
    },
    {
      numbers: { durationMs: 12.5, bytesIn: 1, bytesOut: 99 },
      by: enricher({ geography: openGeography() }),
    },
  );
  assert.equal(code, REJECTION.ok);
  assert.equal(event.key.id, 'kong:7f2d');
  assert.equal(event.at, AT);
  assert.equal(event.place.country, 'US');
  assert.equal(event.place.kind, 'public');
  assert.equal(event.route.template, '/v1/orders/{id}');
  assert.equal(event.client.name, 'curl');
  assert.equal(event.consumer, 'acme');
  assert.equal(event.method, 'GET');
  assert.deepEqual([event.attested, event.mayAct], [true, true]);
  assert.deepEqual([event.durationMs, event.bytesIn, event.bytesOut], [12.5, 1, 99]);
  assert.equal(event.networkId, '8.8.8.0/24');
  assert.ok(event.network !== 0 && event.fingerprint0 !== 0);
});

test('an event of a record with nothing but a key keeps nothing of the one before', () => {
  const by = enricher();
  const full = { credentialId: 'a', consumer: 'acme', method: 'GET', target: '/x', requestId: 'r' };
  resolve({ ...full, clientAddress: '8.8.8.8', userAgent: 'curl/8' }, { by });
  const { event } = resolve({ credentialId: 'b' }, { by });
  assert.deepEqual(
    [event.consumer, event.method, event.route.template, event.client.name, event.network],
    ['', '', '', 'unknown', 0],
  );
  assert.deepEqual([event.fingerprint0, event.fingerprint1], [0, 0]);
  assert.equal(event.place.kind, 'unknown');
});

test('unusable numbers are left absent and counted, the record is kept', () => {
  const by = enricher();
  const { code, event } = resolve(
    { credentialId: 'a' },
    { by, numbers: { status: 42, durationMs: Number.NaN, bytesIn: -7, bytesOut: Infinity } },
  );
  assert.equal(code, REJECTION.ok);
  assert.deepEqual(
    [event.status, event.durationMs, event.bytesIn, event.bytesOut],
    [0, -1, -1, -1],
  );
  assert.deepEqual({ ...by.flawed }, { address: 0, 'time-zone': 0, status: 1, number: 3 });
});

test('a record without a time is refused', () => {
  const { code } = resolve({ credentialId: 'a' }, { numbers: { at: Number.NaN } });
  assert.equal(code, REJECTION.noTime);
});

test('a request is the same only when id, time, path, status and bytes agree', () => {
  const by = enricher();
  const of = (texts: object, numbers: object = {}, made = traits()) => {
    const { event } = resolve(
      { credentialId: 'a', requestId: 'r-1', target: '/v1/a?x=1', ...texts },
      { by, numbers: { bytesOut: 5, ...numbers }, traits: made },
    );
    return `${event.fingerprint0} ${event.fingerprint1}`;
  };
  const same = of({});
  assert.equal(of({ target: '/v1/a?x=2' }), same, 'the query is not part of it');
  const others = [
    of({ requestId: 'r-2' }),
    of({ target: '/v1/b' }),
    of({}, { at: AT + 1 }),
    of({}, { at: AT + 2 ** 32 }),
    of({}, { status: 201 }),
    of({}, { bytesOut: 6 }),
  ];
  assert.equal(new Set([...others, same]).size, others.length + 1);
  assert.equal(of({}, {}, traits({ format: format({ requestId: 'client' }) })), '0 0');
  assert.equal(of({ requestId: '-' }), '0 0');
});

test('the place that the edge wrote wins when its country is valid', () => {
  const place = { country: 'de', region: 'BE', city: 'Berlin', latitude: 52.5, longitude: 13.4 };
  const numbers = { place: { ...place, radiusKm: 20, asn: 3320 } };
  const { event } = resolve({ credentialId: 'a', clientAddress: '1.1.1.1' }, { numbers });
  assert.deepEqual(
    [event.place.country, event.place.city, event.place.asn],
    ['DE', 'Berlin', 3320],
  );
  assert.equal(event.place.countryCode, 3 * 26 + 4 + 1);
  const wrong = { place: { ...numbers.place, country: '<b>' } };
  const other = resolve({ credentialId: 'a', clientAddress: '1.1.1.1' }, { numbers: wrong });
  assert.equal(other.event.place.city, '1.1.1.1');
});

test('who checked the key decides what counts as attested', () => {
  const claimed = format({ identity: 'claimed' });
  const record = format({ identity: 'record' });
  const cases: [string, boolean, Parameters<typeof traits>[0], object][] = [
    ['gateway says so', true, {}, {}],
    ['401', false, { identity: 'attested' }, { status: 401 }],
    ['failed', false, { identity: 'attested' }, { auth: AUTH.failed }],
    ['no check', false, {}, { auth: AUTH.none }],
    ['client wrote it', false, { format: claimed }, {}],
    ['operator vouches', true, { format: claimed, identity: 'attested' }, {}],
    ['operator distrusts', false, { identity: 'claimed' }, {}],
    ['record says ok', true, { format: record }, {}],
    ['record does not say', false, { format: record }, { auth: AUTH.unknown }],
  ];
  for (const [name, expected, made, numbers] of cases) {
    const { event } = resolve({ rawKey: 'k-1' }, { traits: traits(made), numbers });
    assert.equal(event.attested, expected, name);
  }
});

test('a key taken by --key learns and alerts but never acts, unless the identity is set', () => {
  const format_ = format({ identity: 'claimed' });
  const key = { kind: 'field', name: 'account' } as const;
  const by = resolve({ rawKey: 'k-1' }, { traits: traits({ format: format_, key }) });
  assert.deepEqual([by.event.attested, by.event.mayAct], [true, false]);
  const set = traits({ format: format_, key, identity: 'attested' });
  const attested = resolve({ rawKey: 'k-1' }, { traits: set });
  assert.deepEqual([attested.event.attested, attested.event.mayAct], [true, true]);
  const observe = resolve({ credentialId: 'a' }, { traits: traits({ trust: 'observe' }) });
  assert.equal(observe.event.mayAct, false);
});

test('a key out of a mapped field is checked as far as the operator says: it learns, but never acts', () => {
  const mapped = { format: format({ identity: 'record' }), keyField: true } as const;
  const standing = (
    texts: Parameters<typeof resolve>[0],
    change: Parameters<typeof traits>[0],
    numbers: { status?: number; auth?: Auth } = {},
  ) => {
    const { event } = resolve(texts, {
      traits: traits(change),
      numbers: { auth: AUTH.unknown, ...numbers },
    });
    return [event.attested, event.mayAct];
  };
  const key = { rawKey: 'k-1' };
  assert.deepEqual(standing(key, mapped), [true, false]);
  assert.deepEqual(standing({ credentialId: 'a' }, mapped), [true, false]);
  assert.deepEqual(standing(key, { ...mapped, keyField: false }), [false, true]);
  assert.deepEqual(standing(key, mapped, { auth: AUTH.ok }), [true, true], 'the record says so');
  assert.equal(standing(key, mapped, { auth: AUTH.none })[0], false, 'the record says no');
  assert.equal(standing(key, mapped, { status: 401 })[0], false);
  assert.deepEqual(standing(key, { ...mapped, identity: 'attested' }), [true, true]);
  assert.equal(standing(key, { ...mapped, identity: 'claimed' })[0], false);
  const inQuery = { target: '/v1/orders?api_key=k-1' };
  assert.equal(standing(inQuery, mapped)[0], false, 'the client wrote it, and no mapping named it');
});

test('a time outside of 2000 to 2099 is no time, in every format', () => {
  const codeAt = (at: number): number => resolve({ rawKey: 'k-1' }, { numbers: { at } }).code;
  const [from, end] = [Date.UTC(2000, 0, 1), Date.UTC(2100, 0, 1)];
  assert.deepEqual([codeAt(from), codeAt(end - 1)], [REJECTION.ok, REJECTION.ok]);
  for (const at of [from - 1, end, Date.UTC(2107, 0, 1), 0, -1, Infinity, -Infinity, NaN]) {
    assert.equal(codeAt(at), REJECTION.noTime, String(at));
  }
});

describe('the resource of a request', () => {
  const of = (target: string, key?: KeySpec) => {
    const source = traits(key === undefined ? {} : { key });
    return resolve({ credentialId: 'a', target }, { by: enricher(), traits: source }).event;
  };

  test('is the last id of the path, a number where it is one', () => {
    assert.equal(of('/v1/orders/17').resourceNumber, 17);
    assert.equal(of('/v1/orders/17').resource, hashText('17'));
    assert.equal(of('/v1/users/9/orders/17/items?x=3').resourceNumber, 17);
    assert.equal(of('/users/2f694632-8ffc-4946-b8c9-120704a4a155').resourceNumber, -1);
    assert.notEqual(of('/users/2f694632-8ffc-4946-b8c9-120704a4a155').resource, 0);
    assert.equal(of('/v1/orders/9999999999999999').resourceNumber, -1);
    for (const none of ['/', '', '/v1/orders', '/17/a/b/c/d'])
      assert.equal(of(none).resource, 0, none);
  });

  test('is none where the path holds the key', () => {
    const event = of('/v1/k-1234567890abcdef/orders', { kind: 'path', pattern: /^\/v1\/([^/]+)/ });
    assert.equal(event.resource, 0);
  });
});

test('Origin and Sec-Fetch say that a browser sent the request', () => {
  const by = enricher();
  const from = (fields: object) =>
    resolve({ credentialId: 'a', ...fields }, { by }).event.fromBrowser;
  assert.equal(from({}), false);
  assert.equal(from({ origin: 'https://shop.example.com' }), true);
  assert.equal(from({ secFetch: 'cross-site' }), true);
});
