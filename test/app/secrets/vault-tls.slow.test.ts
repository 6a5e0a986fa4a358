/** Vault behind TLS: only with an authority that is trusted. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fetchSecrets } from '../../../app/secrets/fetch.ts';
import { makeCertificates } from '../../servers/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-vault-'));
after(() => rmSync(folder, { recursive: true }));

test('the authority of VAULT_CACERT is trusted, and no other is asked anything', async () => {
  const { ca, serverCert, serverKey } = await makeCertificates(folder);
  const tls = { cert: readFileSync(serverCert), key: readFileSync(serverKey) };
  let asked = 0;
  const server = createServer(tls, (_, response) => {
    asked++;
    response.end('{"data":{"data":{"token":"a token behind TLS"}}}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  const env = {
    VAULT_ADDR: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    VAULT_TOKEN: 'hvs.token-of-the-tests',
  };
  const never = new AbortController().signal;
  const reference = 'vault:secret/keyhound#token';
  await assert.rejects(fetchSecrets([reference], env, never), { code: 'secrets-unreachable' });
  assert.equal(asked, 0);
  const trusting = { ...env, VAULT_CACERT: ca };
  const found = await fetchSecrets([reference], trusting, never);
  assert.equal(found.get(reference), 'a token behind TLS');
});
