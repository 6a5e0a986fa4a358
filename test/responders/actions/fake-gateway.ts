/** An adapter for the made-up gateway of fake-api.ts, of both sorts: one that sets, and one that creates. */
import type {
  ApplyRequest,
  GatewayAdapter,
  GatewayState,
  KeyTarget,
  Wish,
} from '../../../core/gateway.ts';
import { type FakeApi, type FakeKey, type FakeServer, fakeServer } from './fake-api.ts';

export interface FakeOptions {
  readonly name?: string;
  readonly write?: 'set' | 'create';
  /** Whether the adapter can tell what a write leaves; one that creates makes several, and cannot. */
  readonly tells?: boolean;
  readonly rungs?: GatewayAdapter['rungs'];
}

const ALL_RUNGS: GatewayAdapter['rungs'] = new Set([
  'throttle-soft',
  'throttle-hard',
  'suspend',
  'revoke',
]);

export interface FakeGateway extends FakeServer {
  readonly adapter: GatewayAdapter;
}

export function fakeGateway(options: FakeOptions = {}): FakeGateway {
  const server = fakeServer();
  return Object.assign(server, { adapter: fakeAdapter(server.api, options) });
}

export function fakeAdapter(api: FakeApi, options: FakeOptions = {}): GatewayAdapter {
  const { name = 'kong', write = 'set', tells = true, rungs = ALL_RUNGS } = options;
  const wanted = (request: Omit<ApplyRequest, 'present'>): FakeKey =>
    withWish(request.original.facts as unknown as FakeKey, request.wish, write);
  const read = async ({ subjectId }: KeyTarget) => stateOf(await api.get(subjectId));
  return {
    name,
    kind: 'fake',
    rungs,
    write,
    settleMs: 0,
    callsPerSecond: 1_000_000,
    covers: (subjectId) => subjectId.startsWith(`${name}:`),
    read,
    plan: ({ target, wish }) => ({
      calls: [`PATCH /keys/${target.credentialId} ${wish?.rung ?? 'as before'}`],
      undo: [`PATCH /keys/${target.credentialId} as before`],
      siblings: [],
      needsSeal: false,
    }),
    ...(tells && write === 'set'
      ? { expect: (request) => stateOf(wanted(request)).fingerprint }
      : {}),
    async apply(request) {
      const { subjectId } = request.target;
      const next = wanted(request);
      if (write === 'set') await api.set(subjectId, next);
      else await create(api, subjectId, next);
      return await read(request.target);
    },
    async owned() {
      const all = await api.list();
      return all.flatMap(([subjectId, { blocks }]) =>
        Object.entries(blocks).map(([tag, what]) => ({
          tag,
          subjectId,
          what,
          remove: () => api.delete(subjectId, tag),
        })),
      );
    },
    check: async () => [{ name, ok: true, detail: 'fake' }],
  };
}

/** Looks before it creates, and takes away what was made for others. */
async function create(api: FakeApi, subject: string, next: FakeKey): Promise<void> {
  const there = (await api.get(subject))?.blocks ?? {};
  for (const [tag, rung] of Object.entries(next.blocks)) {
    if (there[tag] === rung) continue;
    if (there[tag] !== undefined) await api.delete(subject, tag);
    await api.create(subject, tag, rung);
  }
  for (const tag of Object.keys(there)) {
    if (next.blocks[tag] === undefined) await api.delete(subject, tag);
  }
}

/** What the gateway holds for a key: the operator's own, with the wish on top. */
export function withWish(original: FakeKey, wish: Wish | null, write: 'set' | 'create'): FakeKey {
  const { enabled, perMinute, blocks } = structuredClone(original);
  if (wish === null) return { enabled, perMinute, blocks };
  const rate = wish.limit === undefined ? 0 : (wish.limit.requests / wish.limit.windowMs) * 60_000;
  if (write === 'create') {
    return { enabled, perMinute, blocks: { ...blocks, [wish.tag]: `${wish.rung} ${rate}` } };
  }
  if (wish.rung.startsWith('throttle')) {
    return { enabled, perMinute: Math.min(perMinute, rate), blocks };
  }
  return { enabled: false, perMinute, blocks };
}

function stateOf(key: FakeKey | undefined): GatewayState {
  if (key === undefined) return { exists: false, fingerprint: 'gone', facts: {} };
  const { enabled, perMinute, blocks } = key;
  const made = Object.entries(blocks).sort(([a], [b]) => (a < b ? -1 : 1));
  const fingerprint = JSON.stringify([enabled, perMinute, made]);
  return { exists: true, fingerprint, facts: structuredClone({ enabled, perMinute, blocks }) };
}
