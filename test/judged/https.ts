/** A request over TLS with an authority of its own, which `fetch` has no setting for. */
import { request } from 'node:https';
import type { SecureContextOptions } from 'node:tls';

export interface SendOptions extends SecureContextOptions {
  readonly token?: string;
  readonly body?: string | Buffer;
}

/** Status of the answer. A body is posted. */
export function send(url: string, options: SendOptions): Promise<number> {
  const { token, body, ...tls } = options;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const method = body === undefined ? 'GET' : 'POST';
  request(url, { ...tls, method, headers, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  })
    .on('error', reject)
    .end(body);
  return promise;
}
