/** Unkey with a key that has a limit of its own, among others. */
import { type FakeUnkey, startUnkey } from '../../../fakes/unkey.ts';
import { CALL_MS, type Effect, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

type Json = Record<string, unknown>;
const TOKEN = 'unkey_root_1234567890';
const KEY = 'key_2cGKbMxRyIzhCxo1Idjz8q';

export const rig: RigKind = { kind: 'unkey', start };

async function start(): Promise<Rig> {
  const fake = await startUnkey(TOKEN, 'api_1');
  for (const id of ['key_1', 'key_2']) fake.keys.set(id, keyOf(id));
  fake.keys.set(KEY, {
    ...keyOf(KEY),
    meta: { plan: 'gold' },
    ratelimits: [
      { id: 'rl_requests', name: 'requests', limit: 1000, duration: 60_000, autoApply: true },
    ],
  });
  const key = () => fake.keys.get(KEY)!;
  let token = TOKEN;
  return {
    adapter: (timeoutMs = CALL_MS) =>
      adapterOf('unkey', { url: fake.url, token, timeoutMs, apis: ['api_1'] }, { name: 'unkey' }),
    target: { subjectId: `unkey:${KEY}`, credentialId: KEY },
    unknown: { subjectId: 'unkey:key_none', credentialId: 'key_none' },
    secrets: [TOKEN, 'raw-key-1'],
    effect: () => effectOf(fake),
    holds: () => [...fake.keys.values()],
    operatorLimits: ({ requests: limit, windowMs: duration }) => {
      key()['ratelimits'] = [
        { id: 'rl_requests', name: 'requests', limit, duration, autoApply: true },
      ];
    },
    byHand: () => {
      key()['ratelimits'] = [];
    },
    fail: (fault) => fake.failNext(fault, ({ path }) => path === '/v2/keys.updateKey'),
    lockOut: () => {
      token = 'another_root_1234567890';
    },
    violations: () => fake.violations,
    close: () => fake.close(),
  };
}

function keyOf(keyId: string): Json {
  return { keyId, start: 'sk_abc', createdAt: 1_701_425_400_000, enabled: true };
}

function effectOf({ keys }: FakeUnkey): Effect {
  const { enabled, ratelimits } = keys.get(KEY) as { enabled: boolean; ratelimits: Json[] };
  const limits = ratelimits
    .filter(({ autoApply }) => autoApply === true)
    .map(({ limit, duration }) => ({ requests: Number(limit), windowMs: Number(duration) }));
  limits.sort((a, b) => a.requests / a.windowMs - b.requests / b.windowMs);
  return { open: enabled, limit: limits[0] ?? null };
}
