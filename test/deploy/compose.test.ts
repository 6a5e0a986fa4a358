/** docker-compose.yml, .env, the Dockerfile and deploy/ say the same, and keep what operators are promised. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../app/config.ts';
import { ROLES } from '../../app/contract.ts';
import { VERSION } from '../../app/version.ts';
import type { Config } from '../../core/config.ts';
import { roleEnvironment } from '../../deploy/native/roles.ts';
import { PORTS, ROOT, readSettings } from '../../deploy/native/settings.ts';
import { COMPOSE_TEXT, readCompose, readText, roleOf, VARIABLES } from './compose.ts';
import { writeSecrets } from './secrets.ts';

const compose = readCompose();
const services = Object.entries(compose.services);
const keyhounds = services.filter(([, service]) => roleOf(service) !== undefined);

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-deploy-'));
after(() => rmSync(folder, { recursive: true }));

/** deploy/keyhound.yaml as a container has it, with secrets beside it. */
function configOf(environment: Readonly<Record<string, string>>): Config {
  writeSecrets(path.join(folder, 'secrets'));
  const file = path.join(folder, 'keyhound.yaml');
  copyFileSync(path.join(ROOT, 'deploy/keyhound.yaml'), file);
  return loadConfig({ file, env: environment, cwd: folder }).config;
}

test('every variable of .env is used, and the stack has every port of it', () => {
  const used = COMPOSE_TEXT + readText('deploy/native/settings.ts');
  for (const name of Object.keys(VARIABLES)) {
    if (name === 'COMPOSE_PROFILES' || name.endsWith('_PORT')) continue;
    assert.ok(used.includes(name), `${name} is used nowhere`);
  }
  const ports = Object.keys(VARIABLES).filter((name) => name.endsWith('_PORT'));
  assert.deepEqual(ports.sort(), PORTS.map((name) => `KEYHOUND_${name}_PORT`).sort());
  const numbers = ports.map((name) => VARIABLES[name]);
  assert.equal(new Set(numbers).size, numbers.length, 'a port stands twice');
});

test('no port is written anywhere but in .env', () => {
  const numbers = Object.entries(VARIABLES).filter(([name]) => name.endsWith('_PORT'));
  for (const file of [
    'docker-compose.yml',
    'deploy/keyhound.yaml',
    'deploy/kafka/server.properties',
    'deploy/redis/redis.conf',
    'deploy/elasticsearch/elasticsearch.yml',
    'deploy/kibana/kibana.yml',
    'deploy/gateway/gateway.conf.template',
  ]) {
    for (const [name, port] of numbers) {
      assert.doesNotMatch(readText(file), new RegExp(`\\b${port}\\b`), `${file}: ${name}`);
    }
  }
});

test('every service has a limit, a health check, no privileges, and comes back', () => {
  for (const [name, service] of services) {
    const ends = name === 'topics';
    assert.match(service.mem_limit ?? '', /^\d+[mg]$/, name);
    assert.equal((service.healthcheck?.test ?? '').length > 0, !ends, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    assert.equal(service.restart, ends ? 'on-failure' : 'unless-stopped', name);
  }
});

test('Keyhound runs read-only, with room for what it must write', () => {
  for (const [name, service] of keyhounds) {
    assert.equal(service.read_only, true, name);
    const written = [...(service.volumes ?? []), ...(service.tmpfs ?? [])].join(' ');
    assert.match(written, /\/var\/lib\/keyhound\b/, name);
    assert.match(written, /(?:^| )\/tmp:/, name);
  }
});

test('ports are published on the loopback address only, each as .env says', () => {
  for (const [name, { ports = [] }] of services) {
    for (const port of ports) {
      const [, outside, inside] = /^127\.0\.0\.1:(\d+):(\d+)$/.exec(port) ?? [];
      assert.ok(outside !== undefined && outside === inside, `${name}: ${port}`);
    }
  }
});

test('stores have one network, which leads nowhere; gateways never see it', () => {
  assert.equal(compose.networks['stores']?.internal, true);
  for (const store of ['kafka', 'redis', 'elasticsearch']) {
    assert.deepEqual(compose.services[store]?.networks, ['stores'], store);
    assert.equal(compose.services[store]?.ports, undefined, store);
  }
  const networks = (name: string): readonly string[] => compose.services[name]?.networks ?? [];
  assert.deepEqual(networks('gateway'), ['intake', 'demo']);
  assert.deepEqual(networks('ingest'), ['stores', 'intake']);
  assert.deepEqual(networks('console'), ['stores', 'console']);
  for (const [name] of services) {
    for (const network of networks(name)) assert.ok(network in compose.networks, network);
  }
});

test('no secret stands in a file: each is a file of its own that deploy/secrets.sh makes', () => {
  const made = writeSecrets(path.join(folder, 'secrets'));
  for (const [name, { file }] of Object.entries(compose.secrets)) {
    assert.equal(file, `./deploy/secrets/${name}`);
    assert.ok(name in made, `deploy/secrets.sh makes no ${name}`);
  }
  for (const [name, service] of services) {
    for (const secret of service.secrets ?? []) {
      const source = typeof secret === 'string' ? secret : secret.source;
      assert.ok(source in compose.secrets, `${name}: ${source}`);
    }
    for (const variable of Object.keys(service.environment ?? {})) {
      const isSecret = /PASSWORD|TOKEN|SECRET|PEPPER/i.test(variable);
      assert.ok(!isSecret || variable.endsWith('_FILE'), `${name}: ${variable}`);
    }
  }
  assert.doesNotMatch(COMPOSE_TEXT + readText('.env'), /[A-Za-z0-9+]{32}/);
  assert.match(readText('.gitignore'), /^\/deploy\/secrets\/$/m);
});

test('images have exact versions, those that package.json and the tests have', () => {
  for (const [name, { image }] of services) {
    assert.match(image, /^[^:]+:\d+\.\d+\.\d+(?:-[a-z-]+)?$/, name);
  }
  const { devDependencies } = JSON.parse(readText('package.json'));
  const node = VARIABLES['KEYHOUND_NODE_IMAGE'];
  assert.ok(node?.startsWith(`node:${devDependencies.node}-`), node);
  assert.match(readText('Dockerfile'), new RegExp(`^ARG NODE_IMAGE=${node}$`, 'm'));
  assert.equal(VARIABLES['KEYHOUND_IMAGE'], `keyhound:${VERSION}`);
});

test('there is a service for every role', () => {
  assert.deepEqual(keyhounds.map(([, service]) => roleOf(service)).sort(), [...ROLES].sort());
  assert.ok(keyhounds.every(([, { profiles }]) => profiles === undefined));
  for (const [name] of keyhounds) assert.equal(name, roleOf(compose.services[name]!));
});

test('no role starts before its topics are made and its stores answer', () => {
  for (const [name, { depends_on }] of keyhounds) {
    assert.deepEqual(
      Object.entries(depends_on ?? {}).map(([on, { condition }]) => `${on} ${condition}`),
      [
        'topics service_completed_successfully',
        'redis service_healthy',
        'elasticsearch service_healthy',
      ],
      name,
    );
  }
  const { command, depends_on } = compose.services['topics']!;
  assert.deepEqual(command, ['kafka', 'init', '--yes']);
  assert.deepEqual(depends_on, { kafka: { condition: 'service_healthy' } });
});

test('Keyhound gets the same environment natively and in a container, and all of it is used', async () => {
  const settings = await readSettings(false);
  const native = roleEnvironment(settings, folder, { name: 'console', port: 1 });
  // The image sets these.
  const { KEYHOUND_CONFIG: _, KAFKAJS_NO_PARTITIONER_WARNING: __, ...expected } = native;
  const config = readText('deploy/keyhound.yaml');
  for (const [name, { environment = {} }] of keyhounds) {
    assert.deepEqual(Object.keys(environment).sort(), Object.keys(expected).sort(), name);
  }
  for (const variable of Object.keys(expected)) {
    if (variable === 'KEYHOUND_PEPPER_FILE') continue;
    assert.ok(config.includes(`\${env:${variable}}`), `${variable} is used nowhere`);
  }
});

test('deploy/keyhound.yaml is a configuration without faults, in each container', () => {
  const files = [...readText('deploy/keyhound.yaml').matchAll(/\$\{file:([^}]+)\}/g)];
  assert.equal(files.length, 4);
  for (const [name, { environment = {}, secrets = [] }] of keyhounds) {
    const targets = secrets.map((one) => (typeof one === 'string' ? one : one.target));
    for (const [, file] of files) assert.ok(targets.includes(`/etc/keyhound/${file}`), name);
    const config = configOf(environment);
    assert.equal(config.kafka?.brokers[0], `kafka:${VARIABLES['KEYHOUND_KAFKA_PORT']}`);
    assert.equal(config.kafka?.replication, 1, 'one broker holds one copy');
    assert.equal(config.elasticsearch?.replicas, 0, 'one node holds one copy');
  }
});

test('users of the stores may touch what has the prefix of the configuration, and no more', () => {
  const prefixes = [...readText('deploy/keyhound.yaml').matchAll(/^ {2}prefix: (\S+)$/gm)];
  assert.equal(prefixes.length, 3);
  for (const [, prefix] of prefixes) {
    assert.ok(readText('deploy/secrets.sh').includes(` resetchannels ~${prefix}:* `));
    assert.ok(readText('deploy/elasticsearch/roles.yml').includes(`"${prefix}-*"`));
  }
});

test('the user of Redis has the rights that its page says are enough', () => {
  const [, shown] =
    /^ACL SETUSER keyhound on >PASSWORD (.+)$/m.exec(readText('docs/redis.md')) ?? [];
  const [, given] = /"user keyhound on #\$hash (.+)"$/m.exec(readText('deploy/secrets.sh')) ?? [];
  assert.equal(given, `${shown} +config|get`);
});

test('Kafka gets the same settings natively and in its container', () => {
  const native = [...readText('deploy/native/kafka.ts').matchAll(/^ +`([a-z.]+)=/gm)];
  const inContainer = Object.keys(compose.services['kafka']?.environment ?? {})
    .filter((name) => name !== 'KAFKA_HEAP_OPTS')
    .map((name) => name.replace('KAFKA_', '').toLowerCase().replaceAll('_', '.'));
  assert.deepEqual(native.map(([, name]) => name).sort(), inContainer.sort());
  const file = readText('deploy/kafka/server.properties');
  for (const name of inContainer) assert.doesNotMatch(file, new RegExp(`^${name}=`, 'm'));
});

test('the demo gateway writes the lines that Keyhound is told to expect', () => {
  const template = readText('deploy/gateway/gateway.conf.template');
  const format = /log_format keyhound escape=json\n((?: +'.*'[;\n]+)+)/.exec(template)?.[1] ?? '';
  const written = [...format.matchAll(/'(.*)'/g)].map(([, text]) => text).join('');
  const { sources } = configOf(compose.services['ingest']?.environment ?? {});
  const source = sources.find(({ kind }) => kind === 'file');
  assert.equal(source?.logFormat, written);
});
