/** Vault's KV version 2, strict: token, method and path must be right. Answers as Vault 1.x does. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeVault {
  readonly address: string;
  readonly token: string;
  /** Path behind /v1/ → fields of the current version. Null: that version is deleted. */
  readonly secrets: Map<string, Record<string, unknown> | null>;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Namespace that is wanted; undefined: none. */
  namespace: string | undefined;
  /** `sealed`, `hang`, `redirect`, `rubbish` in place of any answer. */
  trouble: 'sealed' | 'hang' | 'redirect' | 'rubbish' | undefined;
  stop(): Promise<void>;
}

export async function fakeVault(): Promise<FakeVault> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v1\//, '');
    vault.asked.push(path);
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (vault.trouble === 'hang') return;
    if (vault.trouble === 'sealed') return answer(503, { errors: ['Vault is sealed'] });
    if (vault.trouble === 'rubbish') return answer(200, '<html>login</html>');
    if (vault.trouble === 'redirect') {
      response.writeHead(307, { location: `${vault.address}/v1/elsewhere/data/x` });
      return response.end();
    }
    const { headers, method } = request;
    if (headers['x-vault-token'] !== vault.token)
      return answer(403, { errors: ['permission denied'] });
    if (headers['x-vault-request'] !== 'true') return answer(400, { errors: ['missing header'] });
    if (headers['x-vault-namespace'] !== vault.namespace) return answer(404, { errors: [] });
    if (method !== 'GET') return answer(405, { errors: ['unsupported operation'] });
    const fields = vault.secrets.get(path);
    if (fields === undefined) return answer(404, { errors: [] });
    const metadata = { version: 3, deletion_time: fields === null ? '2026-03-01T10:00:00Z' : '' };
    return answer(fields === null ? 404 : 200, { data: { data: fields, metadata } });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const vault: FakeVault = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: 'hvs.token-of-the-tests',
    secrets: new Map(),
    asked: [],
    namespace: undefined,
    trouble: undefined,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return vault;
}
