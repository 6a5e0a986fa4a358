/** Kong with a consumer of two keys, and one that has a limit on every route. */
import { secondWrite } from '../../../fakes/http-fake.ts';
import { startKong } from '../../../fakes/kong.ts';
import { CALL_MS, type Effect, memorySeals, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

type Json = Record<string, unknown>;
const TOKEN = 'admin-token-1234567890';
const RAW = 'raw-key-of-acme-1234567890';
const OTHER_RAW = 'raw-key-of-acme-0987654321';
const CONSUMER = '5f1f5c6e-5a0b-4f0d-9d0e-0a2f0c3f9b11';
const KEY = '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded00';
const OTHER = '8f2d1a41-9a89-4ffd-a7d4-e3c6844ded00';
const MS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

export const rig: RigKind = { kind: 'kong', start: () => startKongRig(true) };
/** A consumer with this one key. */
export const alone: RigKind = { kind: 'kong', start: () => startKongRig(false) };

async function startKongRig(hasSibling: boolean): Promise<Rig> {
  const kong = await startKong(TOKEN);
  const seals = memorySeals();
  const consumer = { id: CONSUMER };
  kong.consumers.set(CONSUMER, { id: CONSUMER, username: 'acme', custom_id: null });
  kong.addCredential({ id: KEY, key: RAW, consumer, tags: ['team-a'] });
  if (hasSibling) kong.addCredential({ id: OTHER, key: OTHER_RAW, consumer });
  kong.addPlugin({ name: 'cors', config: {} });
  let token = TOKEN;
  const sibling = { subjectId: `kong:${OTHER}`, credentialId: OTHER, consumer: 'acme' };
  return {
    adapter: (timeoutMs = CALL_MS) =>
      adapterOf('kong', { urls: [kong.url], token, timeoutMs }, { name: 'kong', seals: seals.box }),
    seals,
    target: { subjectId: `kong:${KEY}`, credentialId: KEY, consumer: 'acme' },
    unknown: {
      subjectId: 'kong:9f2d1a41-9a89-4ffd-a7d4-e3c6844ded00',
      credentialId: '9f2d1a41-9a89-4ffd-a7d4-e3c6844ded00',
    },
    ...(hasSibling ? { sibling } : {}),
    secrets: [TOKEN, RAW, OTHER_RAW],
    effect: ({ credentialId }) => effectOf(kong, credentialId ?? ''),
    holds: () => [
      [...kong.credentials.values()].map(({ created_at: _, ...rest }) => rest).sort(byId),
      [...kong.plugins.values()].sort(byId),
    ],
    operatorLimits: ({ requests, windowMs }) => {
      const window = Object.keys(MS).find((name) => MS[name] === windowMs) ?? '';
      const config = {
        [window]: requests,
        limit_by: 'consumer',
        policy: 'local',
        fault_tolerant: true,
      };
      kong.addPlugin({ name: 'rate-limiting', consumer, route: null, service: null, config });
    },
    byHand: () => {
      const ours = [...kong.plugins.values()].find(
        ({ tags }) => Array.isArray(tags) && tags.includes('keyhound'),
      );
      if (ours === undefined) kong.addCredential({ id: KEY, key: 'raw-key-by-hand', consumer });
      else ours['enabled'] = false;
    },
    fail: (fault) => kong.failNext(fault),
    failSecond: (fault) => kong.failNext(fault, secondWrite()),
    lockOut: () => {
      token = 'another-token-1234567890';
    },
    violations: () => kong.violations,
    close: () => kong.close(),
  };
}

function byId(a: Json, b: Json): number {
  return String(a['id']).localeCompare(String(b['id']));
}

type FakeKong = Awaited<ReturnType<typeof startKong>>;

/** A consumer's plugin takes the place of the wider ones. */
function effectOf(kong: FakeKong, id: string): Effect {
  const isOf = (name: string) => (plugin: Json) =>
    plugin['name'] === name && plugin['enabled'] === true && plugin['consumer'] !== null;
  const plugins = [...kong.plugins.values()];
  const open = kong.credentials.has(id) && !plugins.some(isOf('request-termination'));
  const config = plugins.find(isOf('rate-limiting'))?.['config'] as Json | undefined;
  const limits = Object.keys(MS).filter((window) => typeof config?.[window] === 'number');
  const rates = limits.map((window) => ({
    requests: Number(config?.[window]),
    windowMs: MS[window]!,
  }));
  rates.sort((a, b) => a.requests / a.windowMs - b.requests / b.windowMs);
  return { open, limit: rates[0] ?? null };
}
