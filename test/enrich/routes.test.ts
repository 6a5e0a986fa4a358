import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashText } from '../../core/hash.ts';
import { enricher, resolve } from './fakes.ts';

const by = enricher();
const templateOf = (target: string, route?: string) =>
  resolve({ credentialId: 'a', target, ...(route === undefined ? {} : { route }) }, { by }).event
    .route.template;

test('ids become {id}, words stay', () => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['', '/'],
    ['/v1/orders', '/v1/orders'],
    ['/v1/orders/', '/v1/orders'],
    ['//v1///orders', '/v1/orders'],
    ['/v1/orders/17', '/v1/orders/{id}'],
    ['/v1/orders/-17', '/v1/orders/{id}'],
    ['/v1/orders/2026-03-01/items', '/v1/orders/{id}/items'],
    ['/users/2f694632-8ffc-4946-b8c9-120704a4a155', '/users/{id}'],
    ['/files/deadbeef', '/files/{id}'],
    ['/files/DEADBEEF01', '/files/{id}'],
    ['/files/facade', '/files/facade'],
    ['/v2beta1/things', '/v2beta1/things'],
    ['/t/abc123def456ghi', '/t/{id}'],
    ['/orders/ord_20411', '/orders/{id}'],
    ['/t/QWxhZGRpbjpvcGVu2', '/t/{id}'],
    ['/rpc/getAllUsersByTeamIds', '/rpc/getAllUsersByTeamIds'],
    ['/t/listAllUserAccounts', '/t/listAllUserAccounts'],
    ['/t/abcdefghijklmnopqrstuvwx', '/t/{id}'],
    ['/t/caf%C3%A9', '/t/{id}'],
    ['/t/café', '/t/{id}'],
    ["/t/'or'1", '/t/{id}'],
    ['/t/{x}', '/t/{id}'],
    ['/v1/things:search', '/v1/things:search'],
    ['/a;jsessionid=secret/b', '/a/b'],
    ['/a/b/c/d/e/f', '/a/b/c/d/e/f'],
    ['/a/b/c/d/e/f/g', '/a/b/c/d/e/f/*'],
    ['https://api.example.com/v1/orders/17?x=1#y', '/v1/orders/{id}'],
    ['https://api.example.com', '/'],
    ['https://user:pass@api.example.com?x=/a', '/'],
    ['*', '/{id}'],
    ['index', '/index'],
  ];
  for (const [target, expected] of cases) assert.equal(templateOf(target), expected, target);
});

test('a query or fragment never gets into a template', () => {
  for (const target of ['/a?b=/c', '/a#/c', '/a?', '/a?x#y', '/a/?token=x']) {
    assert.equal(templateOf(target), '/a', target);
  }
});

test('templates stay short whatever the path', () => {
  const long = templateOf(`/${'abcdefghijklmnopqrstuvw/'.repeat(6)}`);
  assert.ok(long.length <= 128 && long.endsWith('/*'), long);
  assert.equal(templateOf(`/${'a'.repeat(100_000)}`), '/{id}');
  assert.equal(templateOf('/'.repeat(100_000)), '/');
});

test("the gateway's own route name wins, its ids masked too", () => {
  assert.equal(templateOf('/v1/orders/17', 'orders'), 'orders');
  assert.equal(templateOf('/v1/orders/17', '/api/{tenant}/x'), '/api/{id}/x');
  assert.equal(
    templateOf('/v1/orders/17', 'b3c0a86c-fc39-4e65-b91b-120704a4a155'),
    '/v1/orders/{id}',
  );
  assert.equal(templateOf('/v1/orders/17', ''), '/v1/orders/{id}');
  assert.equal(templateOf('/v1/orders/17', '\u001b[31m'), '/v1/orders/{id}');
});

test('a name that people gave is no id, however long and whatever its digits', () => {
  const names = [
    's3.amazonaws.com:GetObject',
    'secretsmanager.amazonaws.com:ListSecretVersionIds',
    'default.orders.orders-svc.80',
    'orders-v1-list',
    'facade',
  ];
  for (const name of names) assert.equal(templateOf('/v1/orders/17', name), name);
  for (const id of ['deadbeef', '00000000000000000286', '17', 'b3c0a86cfc394e65b91b120704a4a155']) {
    assert.equal(templateOf('/v1/orders/17', id), '/v1/orders/{id}', id);
  }
  const long = templateOf('/v1/orders/17', 'orders.'.repeat(100));
  assert.ok(long.startsWith('orders.') && long.length <= 128, long);
});

test('targets that differ in their ids share one object, whose code is the hash of the template', () => {
  const one = resolve({ credentialId: 'a', target: '/v1/orders/17' }, { by }).event.route;
  const two = resolve({ credentialId: 'a', target: '/v1/orders/18?x' }, { by }).event.route;
  assert.equal(one, two);
  assert.equal(one.code, hashText('/v1/orders/{id}'));
});
