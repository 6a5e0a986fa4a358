import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvent } from '../../core/event.ts';
import { AUTH } from '../../core/record.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import { createTraffic } from '../../traffic/traffic.ts';

test('an event carries what its request had, and shares its parts', () => {
  const traffic = createTraffic({ seed: 2, keys: 10, days: 1 });
  const fill = createEventFiller();
  const event = createEvent();
  const identities = new Map<string, unknown>();
  for (const request of traffic.events()) {
    fill(request, event);
    assert.equal(event.at, request.at);
    assert.equal(event.key.id, `kong:${request.key.credentialId}`);
    assert.equal(event.place.country, request.address.city.country);
    assert.ok(event.place.countryCode >= 1 && event.place.countryCode <= 676);
    assert.equal(event.status, request.status);
    assert.equal(event.auth === AUTH.failed, request.status === 401);
    assert.equal(identities.get(event.key.id) ?? event.key, event.key);
    identities.set(event.key.id, event.key);
  }
  assert.equal(identities.size, 10);
});

test('a key that was never issued is claimed, and known by its hash alone', () => {
  const fromAt = createTraffic({ seed: 2, keys: 1, days: 1 }).fromAt;
  const attacks = [{ kind: 'stuffing', keyIndex: 0, fromAt }] as const;
  const fill = createEventFiller();
  const event = createEvent();
  const [ids, networks] = [new Set<string>(), new Set<number>()];
  for (const request of createTraffic({ seed: 2, keys: 1, days: 1, attacks }).events()) {
    if (request.label < 0) continue;
    fill(request, event);
    assert.match(event.key.id, /^h:[0-9a-f]{32}$/);
    assert.equal(event.attested, false);
    assert.equal(event.consumer, '');
    ids.add(event.key.id);
    networks.add(event.network);
  }
  assert.ok(ids.size > 1000);
  assert.equal(networks.size, 1);
});
