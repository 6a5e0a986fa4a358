/** Calls to adapters: paced, with a bound in time, their faults of one kind. */
import { KeyhoundError } from '../../core/errors.ts';
import type { ApplyRequest, GatewayAdapter, GatewayState, KeyTarget } from '../../core/gateway.ts';
import type { Pacer } from './pacer.ts';

/** Something went wrong at a gateway, or in its adapter. */
export class GatewayFault extends Error {
  readonly retryable: boolean;
  readonly retryAfterMs: number;

  /** `reason` is for people: no key material. */
  constructor(reason: string, retryable: boolean, retryAfterMs = 0) {
    super(reason);
    this.name = 'GatewayFault';
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

export type GatewayCalls = ReturnType<typeof createCalls>;

export function createCalls(pace: Pacer, callMsMax: number) {
  /** Rejects with GatewayFault, or with the signal's reason when it is over. */
  async function call<T>(
    adapter: GatewayAdapter,
    calls: number,
    signal: AbortSignal,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    await pace(adapter, calls, signal);
    const late = AbortSignal.timeout(callMsMax);
    const either = AbortSignal.any([signal, late]);
    try {
      return await Promise.race([run(either), whenAborted(either)]);
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted) throw new GatewayFault(`no answer within ${callMsMax} ms`, true);
      throw faultOf(error);
    }
  }
  return {
    read: (
      adapter: GatewayAdapter,
      target: KeyTarget,
      signal: AbortSignal,
    ): Promise<GatewayState> => call(adapter, 1, signal, (either) => adapter.read(target, either)),
    /** `calls`: that the plan of it has. */
    apply: (
      adapter: GatewayAdapter,
      request: ApplyRequest,
      calls: number,
      signal: AbortSignal,
    ): Promise<GatewayState> =>
      // One more reads back.
      call(adapter, Math.max(1, calls) + 1, signal, (either) => adapter.apply(request, either)),
    owned: (adapter: GatewayAdapter, signal: AbortSignal) =>
      call(adapter, 1, signal, (either) => adapter.owned(either)),
    remove: (
      adapter: GatewayAdapter,
      remove: (signal: AbortSignal) => Promise<void>,
      signal: AbortSignal,
    ): Promise<void> => call(adapter, 1, signal, remove),
  };
}

/** What an adapter works out without a call; a mistake in it fails the action, not the runner. */
export function workedOut<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw faultOf(error);
  }
}

/** Texts of errors that are not ours may hold anything: their kind is all that is told. */
export function faultOf(error: unknown): GatewayFault {
  if (error instanceof GatewayFault) return error;
  if (error instanceof KeyhoundError) {
    return new GatewayFault(error.message, error.retryable, error.retryAfterMs);
  }
  const name = error instanceof Error ? error.name : typeof error;
  return new GatewayFault(`the adapter failed (${name})`, false);
}

/** An adapter that does not listen to its signal holds nothing up. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
