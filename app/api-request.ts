/** One request to the API of an instance, over HTTP, or over TLS with the certificate that is expected. */
import { request as plainly } from 'node:http';
import { request as securely } from 'node:https';
import { text } from 'node:stream/consumers';
import type { PeerCertificate } from 'node:tls';
import type { PinnedServer } from './listener-tls.ts';

export interface ApiRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
  /** For https. Undefined: the authorities of the system are trusted. */
  readonly server: PinnedServer | undefined;
}

/** Rejects when nobody answers, when the certificate is another one, and when the answer is no JSON. */
export async function sendRequest(
  asked: ApiRequest,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { url, method, headers, body, signal, server } = asked;
  const options = { method, headers, signal };
  const request =
    url.protocol === 'https:'
      ? securely(url, { ...options, ...(server && pinned(server)) })
      : plainly(url, options);
  const { promise, resolve, reject } = Promise.withResolvers<import('node:http').IncomingMessage>();
  request.on('response', resolve).on('error', reject).end(body);
  const response = await promise;
  return { status: response.statusCode ?? 0, body: JSON.parse(await text(response)) };
}

function pinned({ cert, key, fingerprint256 }: PinnedServer) {
  return {
    cert,
    key,
    // The very certificate is looked for, whoever signed it, for whatever name.
    ca: cert,
    allowPartialTrustChain: true,
    checkServerIdentity: (_name: string, shown: PeerCertificate) =>
      shown.fingerprint256 === fingerprint256 ? undefined : new Error('another certificate'),
  };
}
