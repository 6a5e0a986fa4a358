/** Gateways of the configuration: strict, all faults at once, secrets in no message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewaySchema } from '../../../core/config-response.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import { checkGateway, createGateway } from '../../../responders/gateways/create.ts';
import { toolsFor } from './tools.ts';

function faultsOf(config: object) {
  return checkGateway(gatewaySchema.parse({ name: 'edge', ...config })).faults;
}

test('a gateway is made with its defaults, and knows its keys by their begin', () => {
  const made = createGateway(gatewaySchema.parse({ name: 'edge', kind: 'kong' }), toolsFor());
  assert.deepEqual([made.name, made.kind], ['edge', 'kong']);
  assert.equal(made.covers('kong:7f2d'), true);
  assert.equal(made.covers('tyk:7f2d'), false);
  const given = { name: 'edge', kind: 'kong', keys: ['kong:', 'h:'] };
  assert.equal(createGateway(gatewaySchema.parse(given), toolsFor()).covers('h:01'), true);
});

test('every fault of a gateway is named at once, with its place and the nearest right word', () => {
  const faults = faultsOf({ kind: 'kong', urls: ['ftp://kong'], suspendd: 'auto', timeoutMs: 5 });
  assert.deepEqual(faults.map(({ path }) => path.join('.')).sort(), [
    'suspendd',
    'timeoutMs',
    'urls.0',
  ]);
  assert.match(faults.find(({ path }) => path[0] === 'suspendd')?.hint ?? '', /suspend\?/);
  assert.match(faultsOf({ kind: 'kog' })[0]?.hint ?? '', /Did you mean kong\?/);
});

test('a fault refuses to make the gateway, and repeats no secret', () => {
  const config = { name: 'edge', kind: 'kong', token: 'secret-token\n1234567890' };
  const user = { name: 'edge', kind: 'kong', urls: ['http://user:secret-token@kong:8001'] };
  for (const bad of [config, user]) {
    assert.throws(
      () => createGateway(gatewaySchema.parse(bad), toolsFor()),
      (error) =>
        error instanceof KeyhoundError &&
        error.code === 'gateway-invalid' &&
        error.message.includes('gateway edge:') &&
        !error.message.includes('secret-token'),
    );
  }
});
