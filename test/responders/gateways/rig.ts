/** What the conformance suite needs of each kind of gateway: the adapter, its gateway, and who works at that gateway. */
import type { GatewayAdapter, KeyTarget } from '../../../core/gateway.ts';
import type { RateLimit } from '../../../core/ladder.ts';
import type { SealStore } from '../../../core/seal.ts';
import { createSealBox, sealKey } from '../../../responders/gateways/seal.ts';
import type { FakeFault } from '../../fakes/http-fake.ts';

/** What a client that has the key would meet. */
export interface Effect {
  readonly open: boolean;
  /** The strictest limit that holds for the key. */
  readonly limit: RateLimit | null;
}

export interface Rig {
  /** Another adapter with the same settings: what a process has after a crash. Time limit of a call: 10 s. */
  adapter(timeoutMs?: number): GatewayAdapter;
  /** A key that the gateway knows. */
  readonly target: KeyTarget;
  /** One that it does not; absent where every key is taken as known. */
  readonly unknown?: KeyTarget;
  /** Another key that shares something with it, e.g. the consumer. */
  readonly sibling?: KeyTarget;
  /** Absent where nothing is ever deleted. */
  readonly seals?: ReturnType<typeof memorySeals>;
  /** Raw keys and tokens: they may stand in nothing that the adapter says. */
  readonly secrets: readonly string[];
  effect(target: KeyTarget): Effect | Promise<Effect>;
  /** What the gateway holds, without what it stamps itself: an undo must bring it back. */
  holds(): unknown;
  /** The operator gives the key a limit of his own. Absent where a key can have none. */
  operatorLimits?(limit: RateLimit): void | Promise<void>;
  /** A person changes what was written for the key. */
  byHand(): void | Promise<void>;
  /** The next write fails so; undefined: none does. Absent where nothing is called. */
  fail?(fault: FakeFault | undefined): void;
  /** The second write from now on fails, at the last node where there are several. Absent where none ever comes. */
  failSecond?(fault: FakeFault): void;
  /** Every call is refused for its token. */
  lockOut?(): void;
  /** Calls that the gateway's vendor would not have understood. */
  violations(): readonly string[];
  close(): Promise<void>;
}

export interface RigKind {
  readonly kind: string;
  /** Guarantees that do not apply to it, with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
  start(): Promise<Rig>;
}

export const CALL_MS = 10_000;
export const NOW = Date.parse('2026-03-01T10:00:00.000Z');

/** The real sealing over a store in memory. */
export function memorySeals() {
  const bytes = new Map<string, Uint8Array>();
  const state = { failing: false };
  const store: SealStore = {
    put: async (name, sealed) => {
      if (state.failing) throw new Error('disk full');
      bytes.set(name, sealed);
    },
    get: async (name) => bytes.get(name),
    remove: async (name) => void bytes.delete(name),
    names: async () => [...bytes.keys()],
  };
  const keys = { current: sealKey(Buffer.alloc(32, 1)), previous: [], from: 'pepper' } as const;
  return { box: createSealBox({ store, keys, now: () => NOW }), bytes, state };
}
