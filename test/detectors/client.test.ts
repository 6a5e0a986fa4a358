import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROWSERS } from '../../detectors/client.ts';
import { CLIENT_FAMILIES, clientFamilyOf } from '../../enrich/clients.ts';

test('what the detector calls a browser or an attack tool is a family that enrichment makes', () => {
  const names = CLIENT_FAMILIES.map(({ name }) => name);
  for (const name of [...BROWSERS, 'scanner']) assert.ok(names.includes(name), name);
  const other = 'Mozilla/5.0 (compatible; Something/1.0)';
  assert.ok(BROWSERS.has(clientFamilyOf(other).name));
});

test('no two families share the 16 bits by which a key knows them', () => {
  const known = CLIENT_FAMILIES.filter(({ code }) => code !== 0).map(
    ({ code }) => code >>> 16 || 1,
  );
  assert.equal(new Set(known).size, known.length);
});
