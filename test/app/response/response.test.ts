/** The response put together, over memory and a made-up gateway: what was put off meets what is known by then. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Response, type ResponseKeep } from '../../../app/response/response.ts';
import type { Action } from '../../../core/action.ts';
import { NO_CALENDAR } from '../../../core/calendar.ts';
import type { WatchRequest } from '../../../core/control.ts';
import type { Decision } from '../../../core/decision.ts';
import type { Incident } from '../../../core/finding.ts';
import { DEFAULT_AUTOMATIC, type Policy } from '../../../responders/policy.ts';
import { createPolicyHolder } from '../../../responders/policy-holder.ts';
import { fakeGateway } from '../../responders/actions/fake-gateway.ts';
import {
  memoryActions,
  memoryAudit,
  memoryClock,
  memoryQueue,
} from '../../responders/actions/memory.ts';
import { MINUTE, makeFinding, makeIncident, T0 } from '../../responders/scene.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const ending = new AbortController();
after(() => ending.abort());

function memoryDecisions() {
  const kept = new Map<string, Decision>();
  return {
    async put(decision: Decision) {
      if ((kept.get(decision.id)?.revision ?? 0) >= decision.revision) return false;
      kept.set(decision.id, decision);
      return true;
    },
    decision: async (id: string) => kept.get(id),
    decisions: async () => [...kept.values()],
    openDecisions: async () => [...kept.values()].filter(({ state }) => state === 'standing'),
  };
}

/** What outlives a process, and how the next one begins. */
function openWorld() {
  const clock = memoryClock(T0);
  const gateway = fakeGateway();
  const queue = memoryQueue(clock);
  const actions = memoryActions();
  const holder = createPolicyHolder(DEFAULT_AUTOMATIC, 0);
  const watched: WatchRequest[] = [];
  const keep = { ...memoryDecisions(), ...actions, queue } as unknown as ResponseKeep;
  const world = {
    ...{ clock, gateway, queue, actions, holder, watched },
    watch: async (request: WatchRequest): Promise<void> => {
      watched.push(request);
    },
    async begin(): Promise<Response> {
      const response = new Response({
        ...{ keep, holder, clock, logger },
        audit: memoryAudit(),
        adapters: [gateway.adapter],
        asks: () => true,
        directory: NO_DIRECTORY,
        calendar: NO_CALENDAR,
        detection: {
          env: {
            isAllowed: () => false,
            trafficPerHour: () => 1_000_000,
            health: () => ({ lagMs: 0, geographyAgeDays: 10, storesAway: [] }),
          },
          watch: (request) => world.watch(request),
          openCases: async () => [],
        },
        killSwitch: { file: '', read: () => undefined, stop() {}, resume() {} },
        random: () => 0.5,
        teller: { incident() {}, decision() {}, action() {}, notice() {}, trouble() {} },
        onTick() {},
      });
      await response.start();
      void response.runner.run(ending.signal);
      await new Promise((resolve) => setImmediate(resolve));
      return response;
    },
  };
  return world;
}

/** A response whose gateway is away, and an incident of `kong:a` that is to suspend it. */
async function open() {
  const world = openWorld();
  const { actions, clock, gateway, queue } = world;
  gateway.fault = () => 'unavailable';
  const findings = [
    makeFinding('kong:a', 'scope', 12, T0, {}),
    makeFinding('kong:a', 'new-place', 6, T0, {}),
  ];
  let incident = makeIncident('kong:a', findings, T0, undefined, {});
  const scene = Object.assign(world, {
    response: await world.begin(),
    async tell(next: Incident): Promise<void> {
      incident = next;
      scene.response.incident(next);
      await new Promise((resolve) => setImmediate(resolve));
      await scene.response.keeper.settle();
    },
    close: (change: Partial<Incident> = {}) =>
      scene.tell({
        ...incident,
        revision: 9,
        closedAt: new Date(clock.now()).toISOString(),
        ...change,
      }),
    async work(minutes: number): Promise<void> {
      while (await queue.step(T0 + minutes * MINUTE));
      clock.set(T0 + minutes * MINUTE);
    },
    async action(): Promise<Action> {
      assert.equal(actions.all().length, 1);
      return actions.all()[0]!;
    },
  });
  for (const finding of findings) scene.response.finding(finding);
  await scene.tell(incident);
  await scene.work(3);
  const { again, rung, state } = await scene.action();
  assert.deepEqual([rung, state, again !== undefined], ['suspend', 'failed', true]);
  return scene;
}

const SUSPENDED = { enabled: false, perMinute: 600, blocks: {} };
const FREE = { ...SUSPENDED, enabled: true };

test('while its incident is open it is carried out when the gateway is back, and watched', async () => {
  const rig = await open();
  rig.gateway.fault = () => 'none';
  await rig.work(9);
  assert.equal((await rig.action()).state, 'done');
  assert.deepEqual(rig.gateway.keys.get('kong:a'), SUSPENDED);
  assert.deepEqual(
    rig.watched.map(({ kind }) => kind),
    ['applied'],
  );
});

for (const [how, change] of [
  ['fell quiet', {}],
  ['was a false alarm', { closedAs: 'false-alarm', closedBy: 'ann' }],
] as const) {
  test(`once its incident ${how} it is not carried out any more, also after a start`, async () => {
    const rig = await open();
    rig.response = await rig.begin();
    await rig.close(change);
    rig.gateway.fault = () => 'none';
    await rig.work(9);
    assert.equal((await rig.action()).state, 'undone');
    assert.deepEqual(rig.gateway.keys.get('kong:a'), FREE);
  });
}

test('a rung that was switched off meanwhile does nothing new', async () => {
  const rig = await open();
  const { ladder } = DEFAULT_AUTOMATIC;
  const off: Policy = {
    ...DEFAULT_AUTOMATIC,
    ladder: { ...ladder, suspend: { ...ladder.suspend, mode: 'off' } },
  };
  rig.holder.replace(off, T0 + 4 * MINUTE);
  rig.gateway.fault = () => 'none';
  await rig.work(9);
  assert.equal((await rig.action()).state, 'undone');
  assert.deepEqual(rig.gateway.keys.get('kong:a'), FREE);
});

test('what detection could not be told of is told while the response runs', {
  timeout: 60_000,
}, async () => {
  const rig = await open();
  rig.gateway.fault = () => 'none';
  const told = Promise.withResolvers<WatchRequest>();
  rig.watch = async () => {
    rig.watch = async (request) => told.resolve(request);
    throw new Error('detection is away');
  };
  await rig.work(9);
  await rig.work(10);
  const stop = new AbortController();
  const running = rig.response.run(stop.signal);
  assert.equal((await told.promise).action, (await rig.action()).id);
  stop.abort();
  await running;
});
