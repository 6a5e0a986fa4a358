/** APISIX with a consumer of two credentials, another consumer, and a route with a limit of its own. */
import { type FakeApisix, startApisix } from '../../../fakes/apisix.ts';
import { secondWrite } from '../../../fakes/http-fake.ts';
import { CALL_MS, type Effect, memorySeals, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

type Json = Record<string, unknown>;
const TOKEN = 'admin-key-1234567890';
const RAW = 'raw-key-of-acme-1234567890';
const OTHER_RAW = 'raw-key-of-acme-0987654321';
const KEY = 'cred-acme-1';
const OTHER = 'cred-acme-2';

export const rig: RigKind = { kind: 'apisix', start };

async function start(): Promise<Rig> {
  const fake = await startApisix(TOKEN);
  const seals = memorySeals();
  const stamps = { create_time: 1_782_000_000, update_time: 1_782_000_000 };
  fake.consumers.set('other', { username: 'other', ...stamps });
  fake.consumers.set('acme', {
    username: 'acme',
    labels: { custom_id: '42' },
    plugins: { 'proxy-rewrite': { headers: { a: 'b' } } },
    ...stamps,
  });
  const credential = (id: string, key: string) => ({
    id,
    plugins: { 'key-auth': { key } },
    ...stamps,
  });
  fake.credentials.set(`acme/${KEY}`, { ...credential(KEY, RAW), name: 'main' });
  fake.credentials.set(`acme/${OTHER}`, credential(OTHER, OTHER_RAW));
  fake.routes.set('1', { id: '1', plugins: { 'limit-count': { count: 1000, time_window: 60 } } });
  let token = TOKEN;
  return {
    adapter: (timeoutMs = CALL_MS) =>
      adapterOf(
        'apisix',
        { urls: [`${fake.url}/apisix/admin/`], token, timeoutMs },
        { name: 'apisix', seals: seals.box },
      ),
    seals,
    // Its log names no consumer: it is looked for.
    target: { subjectId: `apisix:${KEY}`, credentialId: KEY },
    unknown: { subjectId: 'apisix:cred-none', credentialId: 'cred-none' },
    sibling: { subjectId: `apisix:${OTHER}`, credentialId: OTHER, consumer: 'acme' },
    secrets: [TOKEN, RAW, OTHER_RAW],
    effect: ({ credentialId }) => effectOf(fake, credentialId ?? ''),
    holds: () => ({
      consumers: unstamped(fake.consumers),
      credentials: unstamped(fake.credentials),
    }),
    operatorLimits: ({ requests, windowMs }) => {
      const acme = fake.consumers.get('acme')!;
      const limit = {
        count: requests,
        time_window: windowMs / 1000,
        key_type: 'var',
        key: 'consumer_name',
      };
      const plugins = {
        ...(acme['plugins'] as Json),
        'limit-count': { ...limit, policy: 'local', rejected_code: 503 },
      };
      fake.consumers.set('acme', { ...acme, plugins });
    },
    byHand: () => {
      const acme = fake.consumers.get('acme')!;
      const plugins = acme['plugins'] as Json;
      const limit = plugins['limit-count'] as Json;
      fake.consumers.set('acme', {
        ...acme,
        plugins: { ...plugins, 'limit-count': { ...limit, count: 99 } },
      });
    },
    fail: (fault) => fake.failNext(fault),
    failSecond: (fault) => fake.failNext(fault, secondWrite()),
    lockOut: () => {
      token = 'another-key-1234567890';
    },
    violations: () => fake.violations,
    close: () => fake.close(),
  };
}

function unstamped(all: ReadonlyMap<string, Json>): Json {
  const values = [...all].map(([name, { create_time: _, update_time: __, ...rest }]) => [
    name,
    rest,
  ]);
  return Object.fromEntries(values);
}

function effectOf(fake: FakeApisix, id: string): Effect {
  const open = fake.credentials.has(`acme/${id}`);
  const plugins = fake.consumers.get('acme')?.['plugins'] as Json;
  const limit = plugins['limit-count'] as { count: number; time_window: number } | undefined;
  if (limit === undefined) return { open, limit: null };
  return { open, limit: { requests: limit.count, windowMs: limit.time_window * 1000 } };
}
