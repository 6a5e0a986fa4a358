/**
 * A real Redis for a test: on a free port of loopback, in a folder of its own, with AOF. Without redis-server the
 * test fails and says how to install it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { RedisConfig } from '../../core/config.ts';
import { type Certificates, makeCertificates } from './certificates.ts';

export interface RedisServerOptions {
  /** TLS instead of plaintext; `mutual`: clients need a certificate. */
  readonly tls?: 'server' | 'mutual';
  /** An ACL user beside the default one, which is switched off. */
  readonly acl?: { readonly username: string; readonly password: string; readonly rules: string };
  /** More settings, e.g. `['--maxmemory', '20mb']`. */
  readonly args?: readonly string[];
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly certificates: Certificates | undefined;
  /** How Keyhound is configured to reach it. */
  config(prefix?: string): RedisConfig;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** SIGKILL: what it had not written is lost. `restart` brings it back with what it had. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** SIGSTOP: it holds its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
}

/** Another server that speaks the same, e.g. valkey-server. */
const PROGRAM = process.env['KEYHOUND_TEST_REDIS'] ?? 'redis-server';

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-redis-'));
  const certificates = options.tls === undefined ? undefined : await makeCertificates(folder);
  const port = await freePort();
  const args = await settings(folder, port, options, certificates);
  let child = await launch(args);
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const scheme = certificates === undefined ? 'redis' : 'rediss';
  const url = `${scheme}://127.0.0.1:${port}`;
  return {
    port,
    url,
    certificates,
    config: (prefix = 'keyhound') => configOf(url, prefix, options, certificates),
    async stop() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
    kill: end,
    async restart() {
      await end();
      child = await launch(args);
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  };
}

function configOf(
  url: string,
  prefix: string,
  { tls, acl }: RedisServerOptions,
  certificates: Certificates | undefined,
): RedisConfig {
  const { ca, clientCert: cert, clientKey: key } = certificates ?? {};
  return {
    url,
    prefix,
    ...(acl === undefined ? {} : { username: acl.username, password: acl.password }),
    ...(certificates === undefined
      ? {}
      : { tls: { ca, ...(tls === 'mutual' ? { cert, key } : {}) } }),
  };
}

async function settings(
  folder: string,
  port: number,
  { tls, acl, args = [] }: RedisServerOptions,
  certificates: Certificates | undefined,
): Promise<string[]> {
  const all = ['--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  all.push('--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction');
  if (certificates === undefined) all.push('--port', `${port}`);
  else {
    all.push('--port', '0', '--tls-port', `${port}`, '--tls-ca-cert-file', certificates.ca);
    all.push('--tls-cert-file', certificates.serverCert, '--tls-key-file', certificates.serverKey);
    all.push('--tls-auth-clients', tls === 'mutual' ? 'yes' : 'no');
  }
  if (acl !== undefined) {
    const file = path.join(folder, 'users.acl');
    const user = `user ${acl.username} on >${acl.password} ${acl.rules}`;
    await writeFile(file, `user default off\n${user}\n`);
    all.push('--aclfile', file);
  }
  return [...all, ...args];
}

/** Answers once the server has read its data and takes connections. */
async function launch(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const abandon = () => void child.kill('SIGKILL');
  process.once('exit', abandon);
  child.once('exit', () => process.off('exit', abandon));
  let log = '';
  const failed = once(child, 'error').then(([cause]) => {
    throw new Error(
      `cannot start ${PROGRAM}, which this test needs; as root: test/servers/install.sh`,
      { cause },
    );
  });
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      log += `${line}\n`;
      if (line.includes('Ready to accept connections')) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`${PROGRAM} ended before it was ready:\n${log}`);
  })();
  await Promise.race([ready, failed]);
  failed.catch(() => undefined);
  return child;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((closed) => probe.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
