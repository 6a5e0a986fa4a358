/** Every kind of gateway keeps the contract of core/gateway.ts; a kind without a rig needs a reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GATEWAY_KINDS } from '../../../responders/gateways/list.ts';
import { conforms } from './conformance.ts';
import { RIGS, WITHOUT_RIG } from './rigs/list.ts';

test('every kind of gateway has a rig, or a reason', () => {
  const known = [...RIGS.map(([, { kind }]) => kind), ...Object.keys(WITHOUT_RIG)];
  for (const { kind } of GATEWAY_KINDS) assert.ok(known.includes(kind), kind);
});

for (const [title, rig] of RIGS) conforms(rig, title, 'fast');
