/** Certificates for the servers of tests: an authority, a server, a client. Made by openssl, valid for a day unless said. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

export interface Certificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

const run = promisify(execFile);

/** Writes PEM files into `folder` and answers their paths. The server is `localhost` and 127.0.0.1. */
export async function makeCertificates(folder: string, days = 1): Promise<Certificates> {
  const at = (name: string) => path.join(folder, name);
  const openssl = (...args: string[]) => run('openssl', args);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    ...['req', '-x509', ...key, '-days', `${days}`, '-subj', '/CN=test authority'],
    ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
  );
  for (const name of ['server', 'client']) {
    await openssl(
      ...['req', ...key, '-subj', `/CN=${name}`, '-keyout', at(`${name}.key`)],
      ...['-out', at(`${name}.csr`)],
    );
    await writeFile(at(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    await openssl(
      ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key')],
      ...['-days', `${days}`, '-set_serial', name === 'server' ? '1' : '2'],
      ...['-extfile', at(`${name}.ext`), '-out', at(`${name}.pem`)],
    );
  }
  return {
    ca: at('ca.pem'),
    serverCert: at('server.pem'),
    serverKey: at('server.key'),
    clientCert: at('client.pem'),
    clientKey: at('client.key'),
  };
}
