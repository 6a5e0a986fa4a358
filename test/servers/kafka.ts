/**
 * A real Kafka for tests: one broker or several (KRaft), each a process of its own with its data in a temporary
 * folder and on free ports. It dies with the test process.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import kafkajs, { type Admin } from 'kafkajs';
import { silenceNegativeTimeouts } from '../../store/kafka/connection.ts';
import { type Certificates, makeCertificates } from './certificates.ts';

const run = promisify(execFile);
const READY_MS = 90_000;

export interface KafkaOptions {
  /** Brokers. Default 1. With 3, topics can have three copies of which two must agree. */
  readonly nodes?: number;
  /** Also listens with TLS, and with TLS plus login. `mutual`: clients must show a certificate. */
  readonly secure?: { readonly mutual?: boolean };
  /** Further lines of server.properties. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

export interface SecureListeners {
  /** HOST:PORT of the listeners with TLS. */
  readonly tls: readonly string[];
  /** HOST:PORT of the listeners with TLS and login. */
  readonly login: readonly string[];
  readonly files: Certificates;
  readonly username: string;
  readonly password: string;
}

export interface KafkaServer {
  /** HOST:PORT of the plaintext listeners. */
  readonly brokers: readonly string[];
  readonly secure: SecureListeners | undefined;
  /** SIGKILL. Node 1 unless named. */
  kill(node?: number): Promise<void>;
  /** Starts a killed node, and waits until the cluster answers with a controller. */
  restart(node?: number): Promise<void>;
  /** SIGSTOP, SIGCONT. */
  freeze(node?: number): void;
  thaw(node?: number): void;
  stop(): Promise<void>;
}

interface Node {
  readonly id: number;
  readonly ports: { plain: number; controller: number; tls: number; login: number };
  readonly folder: string;
  process: ChildProcess | undefined;
}

const USER = { username: 'keyhound-test', password: 'not-a-secret-7f3a' };

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const libs = installedLibs();
  silenceNegativeTimeouts();
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-kafka-'));
  const ports = await freePorts((options.nodes ?? 1) * 4);
  const nodes: Node[] = Array.from({ length: options.nodes ?? 1 }, (_, at) => {
    const [plain, controller, tls, login] = ports.slice(at * 4) as [number, number, number, number];
    const own = path.join(folder, `node-${at + 1}`);
    return {
      id: at + 1,
      ports: { plain, controller, tls, login },
      folder: own,
      process: undefined,
    };
  });
  const files = options.secure === undefined ? undefined : await certificatesIn(folder);
  const java = new Java(libs, folder);
  const cluster = Buffer.from(folder.slice(-16).padStart(16)).toString('base64url');
  for (const node of nodes) {
    await java.format(node, properties(node, nodes, options, files), cluster);
    java.start(node);
  }
  const at = (kind: 'plain' | 'tls' | 'login') =>
    nodes.map(({ ports: own }) => `127.0.0.1:${own[kind]}`);
  const server: KafkaServer = {
    brokers: at('plain'),
    secure: files && { tls: at('tls'), login: at('login'), files, ...USER },
    kill: (id = 1) => java.end(nodes[id - 1]!, 'SIGKILL'),
    restart: async (id = 1) => {
      java.start(nodes[id - 1]!);
      await untilReady(at('plain'), nodes);
    },
    freeze: (id = 1) => nodes[id - 1]!.process?.kill('SIGSTOP'),
    thaw: (id = 1) => nodes[id - 1]!.process?.kill('SIGCONT'),
    stop: async () => {
      // Their data is thrown away: nothing needs an orderly end, which takes seconds.
      await Promise.all(nodes.map((node) => java.end(node, 'SIGKILL')));
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  try {
    await untilReady(at('plain'), nodes);
  } catch (error) {
    const log = nodes.map(({ folder: own }) => tail(path.join(own, 'log'))).join('\n');
    await server.stop();
    throw new Error(`Kafka did not start:\n${log}`, { cause: error });
  }
  return server;
}

function installedLibs(): string {
  const cache = fileURLToPath(
    new URL('../../node_modules/.cache/keyhound-servers', import.meta.url),
  );
  const libs = path.join(process.env['KEYHOUND_SERVERS_DIR'] ?? cache, 'kafka', 'libs');
  if (existsSync(libs)) return libs;
  throw new Error('Kafka is not installed; run: bash test/servers/install.sh');
}

interface ServerFiles extends Certificates {
  /** Key and certificate in one, as Kafka wants them. */
  readonly serverPem: string;
}

async function certificatesIn(folder: string): Promise<ServerFiles> {
  const own = path.join(folder, 'certificates');
  await mkdir(own);
  const files = await makeCertificates(own);
  const serverPem = path.join(own, 'server-both.pem');
  const parts = [files.serverKey, files.serverCert].map((file) => readFileSync(file, 'utf8'));
  writeFileSync(serverPem, parts.join(''));
  return { ...files, serverPem };
}

/** The JVM side of it. */
class Java {
  readonly libs: string;
  readonly logging: string;

  constructor(libs: string, folder: string) {
    this.libs = path.join(libs, '*');
    this.logging = path.join(folder, 'log4j2.properties');
    const lines = {
      'appender.out.type': 'Console',
      'appender.out.name': 'out',
      'appender.out.layout.type': 'PatternLayout',
      'appender.out.layout.pattern': '%d %p %c{1} %m%n',
      'rootLogger.level': 'warn',
      'rootLogger.appenderRef.out.ref': 'out',
    };
    writeFileSync(this.logging, asProperties(lines));
  }

  async format(node: Node, settings: Record<string, unknown>, cluster: string): Promise<void> {
    await mkdir(node.folder, { recursive: true });
    const file = path.join(node.folder, 'server.properties');
    writeFileSync(file, asProperties(settings));
    const user = `[name=${USER.username},password=${USER.password}]`;
    const arguments_ = ['format', '-g', '-t', cluster, '-c', file];
    for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      arguments_.push('--add-scram', `${mechanism}=${user}`);
    }
    await run('java', [...this.#options(), 'kafka.tools.StorageTool', ...arguments_]);
  }

  #options(): string[] {
    return [
      ...['-Xms128m', '-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
      `-Dlog4j2.configurationFile=${this.logging}`,
      ...['-cp', this.libs],
    ];
  }

  start(node: Node): void {
    const file = path.join(node.folder, 'server.properties');
    const log = openSync(path.join(node.folder, 'log'), 'a');
    // setpriv: the broker must not outlive a test process that was itself killed.
    const started = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'java', ...this.#options(), 'kafka.Kafka', file],
      { stdio: ['ignore', log, log] },
    );
    started.unref();
    node.process = started;
  }

  async end(node: Node, signal: NodeJS.Signals): Promise<void> {
    const { process: started } = node;
    node.process = undefined;
    if (started === undefined || started.exitCode !== null || started.signalCode !== null) return;
    const exit = once(started, 'exit');
    started.ref();
    started.kill(signal);
    await exit;
  }
}

function properties(
  node: Node,
  nodes: readonly Node[],
  options: KafkaOptions,
  files: ServerFiles | undefined,
): Record<string, unknown> {
  const { plain, controller, tls, login } = node.ports;
  const copies = Math.min(3, nodes.length);
  const listeners = [`PLAINTEXT://127.0.0.1:${plain}`];
  if (files) listeners.push(`SSL://127.0.0.1:${tls}`, `SASL_SSL://127.0.0.1:${login}`);
  return {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': nodes
      .map(({ id, ports }) => `${id}@127.0.0.1:${ports.controller}`)
      .join(','),
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL',
    'log.dirs': path.join(node.folder, 'data'),
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    // A killed broker may come back after its session only: 18 s by default.
    'broker.session.timeout.ms': 2000,
    'broker.heartbeat.interval.ms': 500,
    'group.min.session.timeout.ms': 1000,
    'log.initial.task.delay.ms': 500,
    'log.retention.check.interval.ms': 500,
    ...(files && secureProperties(files, options.secure?.mutual ?? false)),
    ...options.settings,
  };
}

function secureProperties(files: ServerFiles, mutual: boolean): Record<string, unknown> {
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': files.serverPem,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': files.ca,
    'ssl.client.auth': mutual ? 'required' : 'none',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': scram,
    'listener.name.sasl_ssl.plain.sasl.jaas.config': `${plain} user_${USER.username}="${USER.password}";`,
  };
}

async function untilReady(brokers: string[], nodes: readonly Node[]): Promise<void> {
  const until = Date.now() + READY_MS;
  const alive = nodes.filter((node) => node.process !== undefined);
  for (;;) {
    const kafka = new kafkajs.Kafka({
      brokers,
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 0 },
    });
    const admin = kafka.admin();
    try {
      if (await answers(admin, alive.length)) return;
    } catch (error) {
      if (Date.now() > until) throw error;
    } finally {
      await admin.disconnect().catch(() => {});
    }
    const dead = alive.find((node) => node.process?.exitCode !== null);
    if (dead !== undefined) throw new Error(`node ${dead.id} ended`);
    if (Date.now() > until) throw new Error('no answer in time');
    await delay(100);
  }
}

async function answers(admin: Admin, nodes: number): Promise<boolean> {
  await admin.connect();
  const { brokers, controller } = await admin.describeCluster();
  return controller !== null && controller > 0 && brokers.length >= nodes;
}

/**
 * Below the range that outgoing connections take their ports from: a client that tries a killed broker's port
 * there can connect to itself, or keep the broker from coming back.
 */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(11_000, 32_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function asProperties(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-3000) : '';
}
