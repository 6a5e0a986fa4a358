/** Certificates of our own listeners, from their files. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TlsOptions } from 'node:tls';
import type { ListenerTls } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';

/** For a server. With an authority for clients, whoever shows no certificate of it is not heard at all. */
export function listenerTls(tls: ListenerTls | undefined): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  const cert = readPem(tls.cert);
  const key = readPem(tls.key);
  certificateOf(tls);
  const { clientCa } = tls;
  return {
    cert,
    key,
    minVersion: 'TLSv1.3',
    ...(clientCa === undefined
      ? {}
      : { ca: readPem(clientCa), requestCert: true, rejectUnauthorized: true }),
  };
}

/** The first certificate of the file. Throws `tls-file` when there is none, or the key is of another one. */
export function certificateOf(tls: ListenerTls): X509Certificate {
  let certificate: X509Certificate;
  let belongs: boolean;
  try {
    certificate = new X509Certificate(readPem(tls.cert));
    belongs = certificate.checkPrivateKey(createPrivateKey(readPem(tls.key)));
  } catch (cause) {
    if (cause instanceof KeyhoundError) throw cause;
    throw unusable(`${tls.cert} and ${tls.key} are no certificate and its private key`, cause);
  }
  if (belongs) return certificate;
  throw unusable(`${tls.key} is not the private key of ${tls.cert}`);
}

export interface PinnedServer {
  /** Shown where the listener asks its clients for one. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Of the only certificate that is believed, as node:tls writes it. */
  readonly fingerprint256: string;
}

/**
 * For a client on the machine of the listener: it reads the same file, so it need not trust any authority, nor be told
 * under which name it asks.
 */
export function pinnedServer(tls: ListenerTls | undefined): PinnedServer | undefined {
  if (tls === undefined) return undefined;
  const { raw } = certificateOf(tls);
  const hex = createHash('sha256').update(raw).digest('hex').toUpperCase();
  const fingerprint256 = hex.match(/../g)!.join(':');
  return { cert: readPem(tls.cert), key: readPem(tls.key), fingerprint256 };
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw unusable(`${file} cannot be read`, cause);
  }
}

function unusable(message: string, cause?: unknown): KeyhoundError {
  return new KeyhoundError('usage', message, {
    code: 'tls-file',
    cause,
    hint: 'Give PEM files that this user may read: the certificate, the chain after it, and its key.',
  });
}
