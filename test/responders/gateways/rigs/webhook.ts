/** A receiver of the webhook protocol with two keys. */
import { type FakeKey, startReceiver } from '../../../fakes/webhook-gateway.ts';
import { CALL_MS, type Effect, NOW, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

const BYTES = Buffer.alloc(32, 5);
const SECRET = `whsec_${BYTES.toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(32, 6).toString('base64')}`;
const KEY = 'webhook:cred-1';

export const rig: RigKind = { kind: 'webhook', start };

async function start(): Promise<Rig> {
  const fake = await startReceiver(BYTES, () => NOW);
  fake.keys.set(KEY, { enabled: true, limit: null, held: null });
  fake.keys.set('webhook:cred-2', { enabled: true, limit: null, held: null });
  const key = () => fake.keys.get(KEY)!;
  let secret = SECRET;
  return {
    adapter: (timeoutMs = CALL_MS) =>
      adapterOf(
        'webhook',
        { url: `${fake.url}/keyhound`, secret: [OLD_SECRET, secret], timeoutMs },
        { name: 'own' },
      ),
    target: { subjectId: KEY, credentialId: 'cred-1', consumer: 'acme' },
    sibling: { subjectId: 'webhook:cred-2', credentialId: 'cred-2', consumer: 'acme' },
    unknown: { subjectId: 'webhook:none', credentialId: 'none' },
    secrets: [SECRET, BYTES.toString('base64'), OLD_SECRET],
    effect: ({ subjectId }) => effectOf(fake.keys.get(subjectId)!),
    holds: () => [...fake.keys],
    operatorLimits: (limit) => {
      key().limit = limit;
    },
    byHand: () => {
      key().held = { ...key().held!, limit: { requests: 99, windowMs: 1000 } };
    },
    fail: (fault) => fake.failNext(fault, ({ text }) => text.includes('gateway.apply')),
    lockOut: () => {
      secret = OLD_SECRET;
    },
    violations: () => fake.violations,
    close: () => fake.close(),
  };
}

/** As a receiver does it: its own and what is held, the stricter of both. */
function effectOf({ enabled, limit, held }: FakeKey): Effect {
  const open = enabled && (held === null || held.rung.startsWith('throttle'));
  const limits = [limit, held?.limit ?? null].filter((one) => one !== null);
  limits.sort((a, b) => a.requests / a.windowMs - b.requests / b.windowMs);
  return { open, limit: limits[0] ?? null };
}
