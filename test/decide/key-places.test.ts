/** Where the keys of a request are found, and what is too much. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyPlaces } from '../../decide/key-places.ts';

function keysOf(
  specs: readonly string[],
  headers: Readonly<Record<string, readonly string[]>>,
  target = '/',
): string[] | 'too much' {
  const keys: string[] = [];
  const places = new KeyPlaces(specs);
  return places.read((name) => headers[name] ?? [], target, '', keys) ? keys : 'too much';
}

test('each kind of place is read as it is in the log', () => {
  const basic = Buffer.from('user-key:password').toString('base64');
  const claims = Buffer.from('{"sub":"claimed"}').toString('base64url');
  const cases: [string, Record<string, string[]>, string, string[]][] = [
    ['header:X-Api-Key', { 'x-api-key': ['k'] }, '/', ['k']],
    ['bearer', { authorization: ['Bearer k'] }, '/', ['k']],
    ['bearer', { authorization: ['bearer  k '] }, '/', ['k']],
    ['bearer', { authorization: ['k'] }, '/', ['k']],
    ['bearer', { authorization: ['Basic k'] }, '/', []],
    ['basic', { authorization: [`Basic ${basic}`] }, '/', ['user-key']],
    ['jwt:sub', { authorization: [`Bearer e30.${claims}.sig`] }, '/', ['claimed']],
    ['cookie:session', { cookie: ['a=1,2; session=k; b=3'] }, '/', ['k']],
    ['query:api_key', {}, '/v1?a=1&API_KEY=k%31#f', ['k1']],
    ['path:^/v1/([^/]+)/', {}, '/v1/k%C3%A9/orders?x=1', [Buffer.from('ké').toString('latin1')]],
  ];
  for (const [spec, headers, target, keys] of cases) {
    assert.deepEqual(keysOf([spec], headers, target), keys, spec);
  }
});

test('an absent value is none, and the same key twice is one', () => {
  const headers = { 'x-api-key': ['', '-', 'k', 'k, k'], authorization: ['Bearer k'] };
  assert.deepEqual(keysOf(['header:X-Api-Key', 'bearer'], headers), ['k', 'k, k']);
});

test('a key behind more than is looked at is refused, not overlooked', () => {
  const specs = ['header:X-Api-Key', 'query:api_key'];
  const many = (count: number, text: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => text(i));
  const tooMuch: [Record<string, string[]>, string][] = [
    [{ 'x-api-key': [`${'a,'.repeat(20)}stolen`] }, '/'],
    [{ 'x-api-key': many(9, (i) => `k${i}`) }, '/'],
    [{ 'x-api-key': ['a'.repeat(40_000)] }, '/'],
    [{}, `/?${'a&'.repeat(40_000)}api_key=stolen`],
    [{}, `/?api_key=a&${'b&'.repeat(2000)}api_key=stolen`],
  ];
  for (const [headers, target] of tooMuch) {
    assert.equal(keysOf(specs, headers, target), 'too much');
  }
  const long = `/?${'parameter=value&'.repeat(3000)}api_key=k`;
  assert.deepEqual(keysOf(specs, {}, long), ['k'], 'many parameters are no fault');
});

test('a place that is none is refused at once', () => {
  assert.throws(() => new KeyPlaces(['heeder:X']), /no place of a key/);
});
