/** Elasticsearch, with the files of deploy/elasticsearch and what docker-compose.yml adds to them. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { installed } from './installed.ts';
import { answers } from './probes.ts';
import type { Program } from './process.ts';
import { ROOT, type Settings } from './settings.ts';

/** It refuses to run as root: this user owns its folder, and needs no name. */
const USER_ID = '64123';
/** To be up soon on a machine that has other things to do; its own are meant for servers. */
const JVM_OPTIONS = `-XX:+UseSerialGC
-XX:TieredStopAtLevel=1
-Djava.io.tmpdir=\${ES_TMPDIR}
-XX:+ExitOnOutOfMemoryError
`;

export function elasticsearch(settings: Settings, folder: string): Program {
  const { ports, elasticsearchHeap: heap } = settings;
  const own = path.join(folder, 'elasticsearch');
  const config = path.join(own, 'config');
  // Written anew each time, also what belongs to that user by now.
  rmSync(config, { recursive: true, force: true });
  for (const name of ['config', 'data', 'logs', 'tmp']) {
    mkdirSync(path.join(own, name), { recursive: true });
  }
  const home = reachableHome(own);
  writeConfig(config, home, settings, folder);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync('chown', ['-R', `${USER_ID}:${USER_ID}`, own]);
  const secret = readFileSync(path.join(folder, 'secrets/elasticsearch-password'), 'utf8').trim();
  const login = Buffer.from(`keyhound:${secret}`).toString('base64');
  const health = `http://127.0.0.1:${ports.ELASTICSEARCH}/_cluster/health?wait_for_status=yellow&timeout=1s`;
  return {
    name: 'elasticsearch',
    command: [path.join(home, 'bin/elasticsearch')],
    ...(isRoot ? { userId: USER_ID } : {}),
    env: {
      ES_JAVA_HOME: process.env['ES_JAVA_HOME'] ?? javaHome(),
      ES_PATH_CONF: config,
      ES_TMPDIR: path.join(own, 'tmp'),
      ES_JAVA_OPTS: `-Xms${heap} -Xmx${heap}`,
    },
    isReady: () => answers(health, { authorization: `Basic ${login}` }, /"timed_out":false/),
  };
}

function writeConfig(config: string, home: string, { ports }: Settings, folder: string): void {
  const own = path.join(folder, 'elasticsearch');
  const files = path.join(ROOT, 'deploy/elasticsearch');
  const lines = [
    readFileSync(path.join(files, 'elasticsearch.yml'), 'utf8'),
    'network.host: 127.0.0.1',
    `http.port: ${ports.ELASTICSEARCH}`,
    `transport.port: ${ports.ELASTICSEARCH_TRANSPORT}`,
    `path.data: ${path.join(own, 'data')}`,
    `path.logs: ${path.join(own, 'logs')}`,
    // A developer's disk is often fuller than a server's should be.
    'cluster.routing.allocation.disk.threshold_enabled: false',
  ];
  writeFileSync(path.join(config, 'elasticsearch.yml'), `${lines.join('\n')}\n`);
  writeFileSync(path.join(config, 'jvm.options'), JVM_OPTIONS);
  const secrets = path.join(folder, 'secrets');
  const copies = [
    [path.join(home, 'config/log4j2.properties'), 'log4j2.properties'],
    [path.join(files, 'roles.yml'), 'roles.yml'],
    [path.join(secrets, 'elasticsearch-users'), 'users'],
    [path.join(secrets, 'elasticsearch-users-roles'), 'users_roles'],
  ] as const;
  for (const [from, to] of copies) copyFileSync(from, path.join(config, to));
}

/** Where the program is, or a copy that its user can reach. */
function reachableHome(own: string): string {
  const parent = installed('elasticsearch');
  const name = readdirSync(parent).find((one) => /^elasticsearch-[\d.]+$/.test(one));
  if (name === undefined) throw new Error(`no Elasticsearch in ${parent}`);
  const home = path.join(parent, name);
  if (process.getuid?.() !== 0) return home;
  if (!isOpen(own)) {
    throw new Error(
      `Elasticsearch does not run as root, and no other user can reach ${own}: run this as ` +
        'an ordinary user, or give --dir a folder that others can pass through to',
    );
  }
  if (isOpen(home)) return home;
  const copy = path.join(own, name);
  cpSync(home, copy, { recursive: true });
  return copy;
}

function isOpen(folder: string): boolean {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** Of the Java on the path: Elasticsearch wants its folder. */
function javaHome(): string {
  const program = execFileSync('bash', ['-c', 'readlink -f "$(command -v java)"'], {
    encoding: 'utf8',
  });
  return path.dirname(path.dirname(program.trim()));
}
