import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patternOf, ROUTE_PATTERN } from '../../../detectors/baselines/route-patterns.ts';

const PATTERNS = ['/admin/*', 'PUT,DELETE /v1/orders/{id}', 'iam.amazonaws.com:*', '/health'];
const met = (template: string, method: string): string =>
  patternOf(PATTERNS, { template, code: 1 }, method);

test('a pattern stands for a route, or for all that begin so, with any or with named methods', () => {
  const cases: [string, string, string][] = [
    ['/admin/users', 'GET', '/admin/*'],
    ['/administration', 'GET', ''],
    ['/v1/orders/{id}', 'DELETE', 'PUT,DELETE /v1/orders/{id}'],
    ['/v1/orders/{id}', 'GET', ''],
    ['/v1/orders/{id}/items', 'DELETE', ''],
    ['iam.amazonaws.com:CreateUser', '', 'iam.amazonaws.com:*'],
    ['/health', 'GET', '/health'],
    ['/healthy', 'GET', ''],
  ];
  for (const [template, method, expected] of cases) {
    assert.equal(met(template, method), expected, `${method} ${template}`);
  }
});

test('the answer depends on the patterns and the method, whatever was asked before', () => {
  const route = { template: '/v1/orders/{id}', code: 1 };
  assert.equal(patternOf(PATTERNS, route, 'GET'), '');
  assert.equal(patternOf(PATTERNS, route, 'PUT'), 'PUT,DELETE /v1/orders/{id}');
  assert.equal(patternOf(['/v1/*'], route, 'GET'), '/v1/*');
  assert.equal(patternOf([], route, 'GET'), '');
});

test('what is no pattern is refused by the configuration', () => {
  for (const text of PATTERNS) assert.match(text, ROUTE_PATTERN);
  for (const text of ['', 'get /x y', '/a b', 'GET  /x', '/\u00e9']) {
    assert.doesNotMatch(text, ROUTE_PATTERN);
  }
});
