/** An adapter of a gateway with one node or several: each is read and brought to the wish for itself. */
import { KeyhoundError } from '../../core/errors.ts';
import type {
  ApplyRequest,
  GatewayAdapter,
  GatewayCheck,
  GatewayPlan,
  GatewayState,
  GatewayTools,
  KeyTarget,
  OwnedObject,
  Wish,
} from '../../core/gateway.ts';
import type { ActingRung } from '../../core/ladder.ts';
import { tried } from './checks.ts';
import { begins, keyUnknown } from './keys.ts';
import type { CommonSettings } from './settings.ts';
import { joinStates, stateAt } from './state.ts';

export interface GatewayNode {
  /** HOST:PORT. */
  readonly host: string;
  read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState>;
  apply(request: ApplyRequest, signal: AbortSignal): Promise<GatewayState>;
  owned(signal: AbortSignal): Promise<readonly OwnedObject[]>;
  check(signal: AbortSignal): Promise<readonly GatewayCheck[]>;
}

export interface NodesParts {
  readonly kind: string;
  readonly tools: GatewayTools;
  readonly settings: CommonSettings;
  readonly rungs: ReadonlySet<ActingRung>;
  readonly nodes: readonly GatewayNode[];
  /** Also at one node. */
  readonly inParts?: boolean;
  plan(request: Omit<ApplyRequest, 'present'>): GatewayPlan;
  /** Fingerprint that a wish leaves where there was nothing of ours, and the original is the same at every node. */
  expect?(request: Omit<ApplyRequest, 'present'> & { readonly wish: Wish }): string | undefined;
  /** Called once all nodes are as wished, e.g. to wipe what was sealed. May be called again. */
  settled?(request: ApplyRequest): Promise<void>;
}

export function nodesAdapter(parts: NodesParts): GatewayAdapter {
  const { kind, tools, settings, rungs, nodes } = parts;
  return Object.freeze({
    name: tools.name,
    kind,
    rungs,
    write: 'set',
    inParts: parts.inParts === true || nodes.length > 1,
    settleMs: settings.settleMs,
    callsPerSecond: settings.callsPerSecond,
    covers: (id: string) => begins(id, tools.keys),
    read: async (target: KeyTarget, signal: AbortSignal) =>
      joinStates(await eachNode(tools.name, nodes, (node) => node.read(target, signal), signal)),
    plan: parts.plan,
    expect: ({ target, original, wish }: Omit<ApplyRequest, 'present'>) => {
      // What we left in a state that was lost is taken for nothing but what it is.
      const isPlain =
        original.exists && !('nodes' in original.facts) && !('ours' in original.facts);
      if (!isPlain || parts.expect === undefined) return undefined;
      return wish === null ? original.fingerprint : parts.expect({ target, original, wish });
    },
    apply: async (request: ApplyRequest, signal: AbortSignal) => {
      if (!request.original.exists && request.wish !== null)
        throw unknownKey(tools, request.target);
      const atNode = (node: GatewayNode) =>
        node.apply(
          {
            ...request,
            original: stateAt(request.original, node.host),
            present: stateAt(request.present, node.host),
          },
          signal,
        );
      const states = await eachNode(tools.name, nodes, atNode, signal);
      await parts.settled?.(request);
      return joinStates(states);
    },
    owned: async (signal: AbortSignal) =>
      [
        ...(await eachNode(tools.name, nodes, (node) => node.owned(signal), signal)).values(),
      ].flat(),
    check: async (signal: AbortSignal) => {
      const checks = nodes.map((node) =>
        tried(`gateway ${tools.name} at ${node.host}`, () => node.check(signal), signal),
      );
      return (await Promise.all(checks)).flat();
    },
  } satisfies GatewayAdapter);
}

function unknownKey({ name }: GatewayTools, { subjectId }: KeyTarget): KeyhoundError {
  const hint =
    'Was it deleted there, or is it a key of another gateway? `keys` of the gateway says which are its own.';
  return keyUnknown(name, `it does not know ${subjectId}`, hint);
}

/**
 * All nodes in turn, also after one has failed: what can be contained shall be. Throws when any failed; with some
 * done and some not another try is always worth it, since the nodes now differ.
 */
async function eachNode<T>(
  name: string,
  nodes: readonly GatewayNode[],
  call: (node: GatewayNode) => Promise<T>,
  signal: AbortSignal,
): Promise<Map<string, T>> {
  const done = new Map<string, T>();
  const failed: { host: string; error: KeyhoundError }[] = [];
  for (const node of nodes) {
    try {
      done.set(node.host, await call(node));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof KeyhoundError)) throw error;
      failed.push({ host: node.host, error });
    }
  }
  const [first] = failed;
  if (first === undefined) return done;
  if (failed.length === nodes.length) throw first.error;
  const hosts = failed.map(({ host }) => host).join(', ');
  const waits = failed.flatMap(({ error }) => error.retryAfterMs ?? []);
  throw new KeyhoundError(
    'operating',
    `gateway ${name}: ${done.size} of ${nodes.length} nodes; not ${hosts}: ${first.error.message}`,
    {
      code: 'gateway-partly',
      retryable: true,
      ...(waits.length === 0 ? {} : { retryAfterMs: Math.max(...waits) }),
    },
  );
}
