/**
 * A real Elasticsearch for tests: one node on loopback, on a free port, in a folder of its own that goes with it.
 * install-elasticsearch.sh puts the program where it is looked for; a test without it fails and says so.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface ElasticsearchUser {
  readonly name: string;
  readonly password: string;
  readonly roles: readonly string[];
}

export interface ElasticsearchOptions {
  /** HTTPS with a certificate of its own, and only these users. Left out: plaintext, and everybody is let in. */
  readonly security?: {
    readonly users: readonly ElasticsearchUser[];
    /** Contents of roles.yml. */
    readonly roles?: string;
  };
}

export interface ElasticsearchServer {
  readonly url: string;
  /** PEM file of the authority to trust, with `security`. */
  readonly ca: string | undefined;
  /** Ends it in order, and removes its folder. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Starts it again, on the same port and data, after `kill`. */
  restart(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

/** It refuses to run as root: this user owns its folder, and needs no name. */
const USER_ID = 64_123;
const READY_MS_MAX = 180_000;
const ADMIN = { name: 'admin', password: randomBytes(12).toString('hex'), roles: ['superuser'] };

export async function startElasticsearch(
  options: ElasticsearchOptions = {},
): Promise<ElasticsearchServer> {
  const place = await makePlace(options);
  const node = new Node(place);
  try {
    await node.start(0);
  } catch (error) {
    await node.kill();
    await rm(place.folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url: node.url,
    ca: place.ca,
    kill: () => node.kill(),
    restart: () => node.start(node.port),
    freeze: () => node.signal('SIGSTOP'),
    thaw: () => node.signal('SIGCONT'),
    async stop() {
      await node.end();
      await rm(place.folder, { recursive: true, force: true });
    },
  };
}

interface Place {
  readonly folder: string;
  readonly home: string;
  readonly ca: string | undefined;
}

async function makePlace({ security }: ElasticsearchOptions): Promise<Place> {
  const installed = await findInstalled();
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-elasticsearch-'));
  const config = path.join(folder, 'config');
  for (const name of ['config', 'data', 'logs', 'tmp']) await mkdir(path.join(folder, name));
  const ca = security === undefined ? undefined : path.join(config, 'http.crt');
  await writeFile(path.join(config, 'elasticsearch.yml'), settings(folder, ca !== undefined));
  await writeFile(path.join(config, 'jvm.options'), JVM_OPTIONS);
  await writeFile(path.join(config, 'log4j2.properties'), LOGGING);
  if (security !== undefined) {
    makeCertificate(config);
    const users = [ADMIN, ...security.users];
    await writeFile(path.join(config, 'users'), users.map(userLine).join(''));
    await writeFile(path.join(config, 'users_roles'), roleLines(users));
    await writeFile(path.join(config, 'roles.yml'), security.roles ?? '');
  }
  let home = installed;
  if (isRoot() && !isOpenToAll(installed)) {
    home = path.join(folder, 'home');
    await cp(installed, home, { recursive: true });
  }
  if (isRoot()) execFileSync('chown', ['-R', `${USER_ID}:${USER_ID}`, folder]);
  return { folder, home, ca };
}

async function findInstalled(): Promise<string> {
  const cache = path.join(import.meta.dirname, '../../node_modules/.cache/keyhound-servers');
  const parent = path.join(process.env['KEYHOUND_SERVERS_DIR'] || cache, 'elasticsearch');
  const names = existsSync(parent) ? await readdir(parent) : [];
  const name = names.find((one) => /^elasticsearch-[\d.]+$/.test(one));
  if (name === undefined) {
    throw new Error('no Elasticsearch here: run bash test/servers/install-elasticsearch.sh');
  }
  return path.join(parent, name);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** A checkout below a folder that only root may enter, such as one of `mktemp -d`, cannot be run from. */
function isOpenToAll(folder: string): boolean {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false;
    if (at === path.dirname(at)) return true;
  }
}

function settings(folder: string, secured: boolean): string {
  return [
    'cluster.name: keyhound-test',
    'node.name: n1',
    'node.portsfile: true',
    'discovery.type: single-node',
    'network.host: 127.0.0.1',
    'transport.port: 0',
    `path.data: ${folder}/data`,
    `path.logs: ${folder}/logs`,
    // Machines with full disks are no subject of these tests; and the heap is small on purpose.
    'cluster.routing.allocation.disk.watermark.low: 1b',
    'cluster.routing.allocation.disk.watermark.high: 1b',
    'cluster.routing.allocation.disk.watermark.flood_stage: 1b',
    'indices.breaker.total.use_real_memory: false',
    'xpack.security.autoconfiguration.enabled: false',
    `xpack.security.enabled: ${secured}`,
    `xpack.security.http.ssl.enabled: ${secured}`,
    ...(secured
      ? ['xpack.security.http.ssl.key: http.key', 'xpack.security.http.ssl.certificate: http.crt']
      : []),
    '',
  ].join('\n');
}

const JVM_OPTIONS = `-Xms512m
-Xmx512m
-XX:+UseSerialGC
-XX:TieredStopAtLevel=1
-Djava.io.tmpdir=\${ES_TMPDIR}
-XX:+ExitOnOutOfMemoryError
`;

const LOGGING = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`;

function makeCertificate(folder: string): void {
  const words =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=keyhound-test ' +
    '-addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout http.key -out http.crt';
  execFileSync('openssl', words.split(' '), { cwd: folder, stdio: 'pipe' });
  chmodSync(path.join(folder, 'http.key'), 0o600);
}

/** As `elasticsearch-users` writes it. */
function userLine({ name, password }: ElasticsearchUser): string {
  const salt = randomBytes(32);
  const hash = pbkdf2Sync(password, salt, 1000, 32, 'sha512');
  return `${name}:{PBKDF2}1000$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}

function roleLines(users: readonly ElasticsearchUser[]): string {
  const roles = [...new Set(users.flatMap((user) => user.roles))];
  return roles
    .map((role) => {
      const names = users.filter((user) => user.roles.includes(role)).map((user) => user.name);
      return `${role}:${names.join(',')}\n`;
    })
    .join('');
}

/** One process group: the launcher of Elasticsearch, and the server that it starts. */
class Node {
  port = 0;
  private child: ChildProcess | undefined;
  private readonly place: Place;

  constructor(place: Place) {
    this.place = place;
  }

  get url(): string {
    return `${this.place.ca === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  /** Port 0: a free one, which the server writes down. */
  async start(port: number): Promise<void> {
    const { folder } = this.place;
    const ports = path.join(folder, 'logs/http.ports');
    await rm(ports, { force: true });
    this.child = this.spawn(port);
    await this.until(() => existsSync(ports));
    this.port = Number(/:(\d+)\s/.exec(readFileSync(ports, 'utf8'))?.[1]);
    await this.until(() => this.isReady());
  }

  private spawn(port: number): ChildProcess {
    const { folder, home } = this.place;
    const output = openSync(path.join(folder, 'output'), 'a');
    const program = path.join(home, 'bin/elasticsearch');
    const words = [program, '-E', `http.port=${port}`];
    const user = ['--reuid', USER_ID, '--regid', USER_ID, '--clear-groups', '--no-new-privs'];
    const command = isRoot() ? ['setpriv', ...user.map(String), ...words] : words;
    const child = spawn(command[0]!, command.slice(1), {
      cwd: folder,
      detached: true,
      stdio: ['ignore', output, output],
      env: {
        PATH: process.env['PATH'],
        ES_JAVA_HOME: process.env['ES_JAVA_HOME'] ?? javaHome(),
        ES_PATH_CONF: path.join(folder, 'config'),
        ES_TMPDIR: path.join(folder, 'tmp'),
      },
    });
    // A test process that ends early must not leave it behind.
    process.once('exit', () => this.signal('SIGKILL'));
    return child;
  }

  private async isReady(): Promise<boolean> {
    const address = `${this.url}/_cluster/health?wait_for_status=yellow&timeout=1s`;
    const body = await answerOf(address, this.place.ca);
    return body !== undefined && /"timed_out":false/.test(body);
  }

  private async until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
    const lastAt = performance.now() + READY_MS_MAX;
    while (!(await isTrue())) {
      const ended = this.child?.exitCode !== null || this.child.signalCode !== null;
      if (ended || performance.now() > lastAt) {
        const output = readFileSync(path.join(this.place.folder, 'output'), 'utf8');
        throw new Error(`Elasticsearch did not start:\n${output.slice(-3000)}`);
      }
      await delay(50);
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.child?.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // It is gone.
    }
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.child;
    if (child?.pid === undefined) return;
    const isRunning = child.exitCode === null && child.signalCode === null;
    const ended = isRunning ? once(child, 'exit') : undefined;
    this.signal('SIGCONT');
    this.signal(signal);
    await ended;
    // The launcher may be gone before the server is.
    this.signal('SIGKILL');
    this.child = undefined;
    while ((await answerOf(this.url, this.place.ca)) !== undefined) await delay(20);
  }
}

/** Of the Java on the path: Elasticsearch wants the folder. */
function javaHome(): string {
  const program = execFileSync('bash', ['-c', 'readlink -f "$(command -v java)"']).toString();
  return path.dirname(path.dirname(program.trim()));
}

/** Body of an answer of any status; undefined where nobody answers. */
function answerOf(address: string, ca: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const taken = (response: import('node:http').IncomingMessage) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
      response.on('error', () => resolve(undefined));
    };
    const options = { agent: false, timeout: 5000 };
    const request =
      ca === undefined
        ? get(address, options, taken)
        : getSecurely(
            address,
            { ...options, ca: readFileSync(ca), auth: `${ADMIN.name}:${ADMIN.password}` },
            taken,
          );
    request.on('error', () => resolve(undefined));
    request.on('timeout', () => request.destroy());
  });
}
