/** The distributed form with everything locked: what is pushed over TLS is found through the API. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeCertificates } from '../servers/certificates.ts';
import { startElasticsearch } from '../servers/elasticsearch.ts';
import { startKafka } from '../servers/kafka.ts';
import { startRedis } from '../servers/redis.ts';
import { until } from '../support/until.ts';
import { writeLog } from './distributed.ts';
import { send } from './https.ts';
import { finish, ROOT } from './keyhound.ts';
import { drained, type Servers, Stack } from './stack.ts';

const EVENTS = 20_000;
const DAYS = 4;
const KEYS = 30;
const PARTITIONS = 2;
const PREFIX = 'keyhound';
const TOKEN = 'token-of-the-made-gateway';
const PASSWORD = 'made-up-password-of-a-test';
/** As deploy/secrets.sh writes them. */
const RULES = '~keyhound:* +@connection +@hash +@scripting +del +info +time +config|get';

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-secure-'));
let servers: Servers | undefined;
let settings: object;

before(async () => {
  const roles = readFileSync(path.join(ROOT, 'deploy/elasticsearch/roles.yml'), 'utf8');
  const users = [{ name: PREFIX, password: PASSWORD, roles: ['keyhound'] }];
  const [kafka, redis, elasticsearch] = await Promise.all([
    startKafka({ secure: {} }),
    startRedis({ tls: 'mutual', acl: { username: PREFIX, password: PASSWORD, rules: RULES } }),
    startElasticsearch({ security: { users, roles } }),
  ]);
  const stop = async () => {
    await Promise.all([kafka.stop(), redis.stop(), elasticsearch.stop()]);
  };
  servers = { kafka, redis, elasticsearch, stop };
  const { login, files, username, password } = kafka.secure!;
  const broker = { brokers: login, partitions: PARTITIONS, replication: 1, sessionMs: 3000 };
  settings = {
    // For longer a single node may not have enough shards, as doctor says.
    state: { dir: 'state', checkpointMs: 1000, usageMonthsMax: 3 },
    kafka: {
      ...broker,
      tls: { ca: files.ca },
      sasl: { mechanism: 'scram-sha-512', username, password },
    },
    redis: redis.config(PREFIX),
    elasticsearch: {
      nodes: [elasticsearch.url],
      username: PREFIX,
      password: PASSWORD,
      tls: { ca: elasticsearch.ca },
      replicas: 0,
    },
  };
});

after(async () => {
  await servers?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('ingest, detect and console over TLS with logins: from a push to an incident', async () => {
  const certs = path.join(folder, 'certs');
  mkdirSync(certs);
  const files = await makeCertificates(certs, 60);
  const own = { cert: files.serverCert, key: files.serverKey };
  const sources = [{ name: 'edge', kind: 'http', format: 'keyhound', token: TOKEN }];
  const stack = new Stack(servers!, {
    prefix: PREFIX,
    partitions: PARTITIONS,
    sources,
    settings: { ...settings, tls: { intake: { ...own, clientCa: files.ca } } },
  });
  try {
    await stack.createTopics();
    const [detect, ingest, console_] = await Promise.all(
      ['detect', 'ingest', 'console'].map((role) => stack.start(role)),
    );
    const intake = (await ingest!.child.told(/"intake":"(https:[^"]+)"/))[1]!;
    const log = path.join(folder, 'log.ndjson');
    const lines = await writeLog(log, {
      seed: 9,
      keys: KEYS,
      days: DAYS,
      rate: EVENTS / (DAYS * 86_400 * KEYS),
    });
    const client = {
      ca: readFileSync(files.ca),
      cert: readFileSync(files.clientCert),
      key: readFileSync(files.clientKey),
      token: TOKEN,
    };
    const status = await send(`${intake}/intake/keyhound`, { ...client, body: readFileSync(log) });
    assert.equal(status, 200);
    await ingest!.read(lines);
    await drained(() => [detect!], 'events', PARTITIONS);

    // Results go on to Elasticsearch behind the topic; nothing tells when they are searchable.
    type Listed = { incidents?: { subject: { kind: string }; why: string }[] };
    const { incidents = [] } = await until(
      async () => JSON.parse(await console_!.get('/api/v1/incidents')) as Listed,
      (listed) => (listed.incidents ?? []).length > 0,
    );
    assert.ok(incidents.some(({ subject }) => subject.kind === 'key'));

    const { stdout } = await finish(['doctor', '--json'], { cwd: console_!.folder });
    const checks = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; ok: boolean; detail: string });
    const bad = checks.filter(({ ok, name }) => !ok && /kafka|redis|elastic|pepper/.test(name));
    assert.deepEqual(bad, []);
    const broker = checks.find(({ name }) => name === 'kafka')!;
    assert.match(broker.detail, /TLS, scram-sha-512 as /);
  } finally {
    await stack.end();
  }
});
