import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { loadRegistry } from '../../enrich/registry.ts';
import { registryEntries } from '../../traffic/registry.ts';
import { createTraffic } from '../../traffic/traffic.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-registry-'));
after(() => fs.rmSync(folder, { recursive: true }));

test('the written registry is one that Keyhound reads', () => {
  const traffic = createTraffic({ seed: 1, keys: 25, days: 1 });
  const entries = registryEntries(traffic, 'kong', undefined);
  fs.writeFileSync(path.join(folder, 'keys.json'), JSON.stringify(entries));
  const directory = loadRegistry('keys.json', folder);
  assert.equal(directory.size, 25);
  const key = traffic.keys[7]!;
  assert.equal(directory.entry(`kong:${key.credentialId}`)?.timeZone, key.home.zone);
  assert.equal(registryEntries(traffic, 'nginx', undefined).length, 0);
});
