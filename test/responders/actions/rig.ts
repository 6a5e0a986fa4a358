/** A runner on memory, with a fake gateway. */
import type { Action } from '../../../core/action.ts';
import type { Decision } from '../../../core/decision.ts';
import type { RunnerOptions, Trouble } from '../../../responders/actions/contract.ts';
import { createActionRunner } from '../../../responders/actions/runner.ts';
import { sampleDecision } from '../../support/response-samples.ts';
import { type FakeGateway, fakeGateway } from './fake-gateway.ts';
import { memoryActions, memoryAudit, memoryClock, memoryQueue } from './memory.ts';

export const START = Date.parse('2026-03-01T10:00:00Z');
export const HOUR_MS = 3_600_000;

export interface RigOptions extends Partial<RunnerOptions> {
  readonly gateway?: FakeGateway;
}

export type Rig = ReturnType<typeof rig>;

export function rig({ gateway = fakeGateway(), ...options }: RigOptions = {}) {
  const clock = memoryClock(START);
  const store = memoryActions();
  const queue = memoryQueue(clock);
  const audit = memoryAudit();
  const kept = new Map<string, Decision>();
  const told: Action[] = [];
  const troubles: Trouble[] = [];
  const runner = createActionRunner({
    adapters: [gateway.adapter],
    store,
    queue,
    audit,
    decisions: { decision: async (id) => kept.get(id) },
    clock,
    random: () => 0.5,
    onAction: (action) => told.push(action),
    onTrouble: (trouble) => troubles.push(trouble),
    pace: async () => {},
    ...options,
  });
  const ending = new AbortController();
  return {
    ...{ clock, store, queue, audit, runner, gateway, told, troubles, decisions: kept },
    key: () => gateway.keys.get('kong:a')!,
    /** Has a decision about `kong:a` carried out, up to the first try. */
    async decide(change: Partial<Decision> = {}): Promise<Action> {
      const decision = sampleDecision({
        subject: { kind: 'key', id: 'kong:a' },
        untilAt: new Date(START + HOUR_MS).toISOString(),
        ...change,
      });
      kept.set(decision.id, decision);
      const action = await runner.request(decision, gateway.adapter);
      return action!;
    },
    async start(): Promise<void> {
      void runner.run(ending.signal);
      await new Promise((resolve) => setImmediate(resolve));
    },
    /** Works until nothing is due before that time. */
    async work(untilMs = START): Promise<void> {
      for (let steps = 0; await queue.step(untilMs); steps++) {
        if (steps > 500) throw new Error('it works for ever');
      }
    },
    action: async (id: string) => (await store.action(id))!,
    stop: () => ending.abort(),
  };
}
