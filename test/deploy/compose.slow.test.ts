/** Debian's docker-compose reads docker-compose.yml as it is meant. It needs no engine for that. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { parse } from 'yaml';
import { ROOT } from '../../deploy/native/settings.ts';
import { type Compose, readCompose, roleOf, VARIABLES } from './compose.ts';

function config(...words: string[]): Compose {
  // Not the shell's variables: they would go before those of .env.
  const env = { PATH: process.env['PATH'] };
  const options = { cwd: ROOT, env, encoding: 'utf8' } as const;
  return parse(execFileSync('docker-compose', [...words, 'config'], options)) as Compose;
}

test('docker-compose accepts the file, and fills it in as the other tests do', () => {
  const accepted = config();
  const ours = readCompose();
  assert.deepEqual(Object.keys(accepted.services).sort(), Object.keys(ours.services).sort());
  for (const [name, service] of Object.entries(ours.services)) {
    const other = accepted.services[name]!;
    assert.equal(other.image, service.image, name);
    assert.equal(other.mem_limit, service.mem_limit, name);
    const published = (service.ports ?? []).map((port) => `${port}/tcp`);
    assert.deepEqual(other.ports ?? [], published, name);
    assert.deepEqual(Object.keys(other.networks ?? {}).length, service.networks?.length, name);
    for (const [variable, value] of Object.entries(service.environment ?? {})) {
      assert.equal(String(other.environment?.[variable]), String(value), `${name}: ${variable}`);
    }
    assert.equal(roleOf(other), roleOf(service), name);
  }
  const { scale } = accepted.services['detect'] as { scale?: number };
  assert.equal(String(scale), VARIABLES['KEYHOUND_DETECT_PROCESSES']);
});
