/** The made-up gateway of fake-api.ts over HTTP, with faults, counting what took effect; and its client. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeyhoundError } from '../../../../core/errors.ts';
import { type FakeApi, type FakeKey, fakeKey } from '../fake-api.ts';

export interface HttpGateway {
  readonly url: string;
  readonly keys: Map<string, FakeKey>;
  /** Of each tag, how often it was created and removed, and how often that was refused. */
  readonly effects: Map<string, { created: number; removed: number; refused: number }>;
  /** Asked at each call: `cut` closes the connection once the call has taken effect, `away` answers 503 before. */
  fault: (writes: boolean) => 'none' | 'cut' | 'away';
  /** Told of each call, before it takes effect or after. */
  onCall: (when: 'before' | 'after') => void;
  close(): Promise<void>;
}

/** A key is there as soon as it is asked for. */
export async function startGateway(): Promise<HttpGateway> {
  const server: Server = createServer();
  const gateway: HttpGateway = {
    url: '',
    keys: new Map(),
    effects: new Map(),
    fault: () => 'none',
    onCall: () => {},
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('request', (request, response) => answer(gateway, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(gateway, { url: `http://127.0.0.1:${port}` });
}

function answer(gateway: HttpGateway, request: IncomingMessage, response: ServerResponse): void {
  const fault = gateway.fault(request.method !== 'GET');
  gateway.onCall('before');
  if (fault === 'away') {
    response.writeHead(503).end();
    return;
  }
  const parts = request.url!.slice(1).split('/').map(decodeURIComponent);
  const [status, body] = takeEffect(gateway, request.method!, parts);
  gateway.onCall('after');
  if (fault === 'cut') response.destroy();
  else response.writeHead(status).end(JSON.stringify(body ?? null));
}

/** GET /KEY, PUT /KEY/TAG/RUNG, DELETE /KEY/TAG. */
function takeEffect(
  { keys, effects }: HttpGateway,
  method: string,
  [id = '', tag = '', rung = '']: string[],
): [number, unknown?] {
  const key = keys.get(id) ?? fakeKey();
  keys.set(id, key);
  if (method === 'GET') return [200, key];
  const effect = effects.get(tag) ?? { created: 0, removed: 0, refused: 0 };
  effects.set(tag, effect);
  const isThere = key.blocks[tag] !== undefined;
  if (isThere === (method === 'PUT')) {
    effect.refused++;
    return [isThere ? 409 : 404];
  }
  if (method === 'PUT') {
    key.blocks[tag] = rung;
    effect.created++;
    return [201];
  }
  delete key.blocks[tag];
  effect.removed++;
  return [204];
}

export function httpApi(url: string): FakeApi {
  async function call(method: string, ...parts: string[]): Promise<FakeKey | undefined> {
    const address = `${url}/${parts.map(encodeURIComponent).join('/')}`;
    let status: number;
    let body: string;
    try {
      const response = await fetch(address, { method });
      [status, body] = [response.status, await response.text()];
    } catch (cause) {
      throw operating('the connection was cut', true, cause);
    }
    if (status === 404 && method === 'GET') return undefined;
    if (status >= 400) throw operating(String(status), status >= 500);
    return body === '' ? undefined : (JSON.parse(body) as FakeKey);
  }
  return {
    get: (subject) => call('GET', subject),
    set: () => Promise.reject(operating('it only creates', false)),
    create: async (subject, tag, rung) => void (await call('PUT', subject, tag, rung)),
    delete: async (subject, tag) => void (await call('DELETE', subject, tag)),
    list: () => Promise.reject(operating('it does not list', false)),
  };
}

function operating(message: string, retryable: boolean, cause?: unknown): KeyhoundError {
  return new KeyhoundError('operating', message, { code: 'operating', retryable, cause });
}
