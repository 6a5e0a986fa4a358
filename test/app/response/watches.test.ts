/** What detection could not be told of is told later, whatever else is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watches } from '../../../app/response/watches.ts';
import type { Action } from '../../../core/action.ts';
import type { WatchRequest } from '../../../core/control.ts';
import { sampleAction } from '../../support/response-samples.ts';

function open() {
  const taken: string[] = [];
  const warned: string[] = [];
  const rig = {
    now: 0,
    tries: 0,
    refuses: (_request: WatchRequest) => true,
    taken,
    warned,
    /** So many seconds go by. */
    async pass(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second++) {
        rig.now += 1000;
        await watches.again();
      }
    },
  };
  const logger = { debug() {}, info() {}, error() {} };
  const watches = new Watches({
    async watch(request) {
      rig.tries += 1;
      if (rig.refuses(request)) throw new Error('detection is away');
      taken.push(`${request.action} ${request.kind}`);
    },
    settleMsOf: () => 0,
    clock: { now: () => rig.now },
    random: () => 0.5,
    logger: { ...logger, warn: (_facts, text) => void warned.push(text) },
  });
  return { rig, watches };
}

const done = (id: string, change: Partial<Action> = {}) =>
  sampleAction({ id, state: 'done', doneAt: '2026-03-01T10:00:00.000Z', ...change });

test('what is refused is told of later, with longer pauses, and warned of once', async () => {
  const { rig, watches } = open();
  await watches.note(done('act_1'));
  await rig.pass(600);
  assert.ok(rig.tries > 10 && rig.tries < 25, `${rig.tries} tries in ten minutes`);
  assert.deepEqual([rig.warned.length, watches.waiting], [1, 1]);
  rig.refuses = () => false;
  await rig.pass(60);
  assert.deepEqual([rig.taken, watches.waiting], [['act_1 applied'], 0]);
  const { tries } = rig;
  await rig.pass(60);
  assert.equal(rig.tries, tries, 'once it is told it is told');
});

test('one that is always refused holds up no other', async () => {
  const { rig, watches } = open();
  await watches.note(done('act_1'));
  await watches.note(done('act_2'));
  rig.refuses = ({ action }) => action === 'act_1';
  await rig.pass(10);
  assert.deepEqual([rig.taken, watches.waiting], [['act_2 applied'], 1]);
});

test('of an action the latest revision is told last, whatever came in between', async () => {
  const { rig, watches } = open();
  await watches.note(done('act_1', { revision: 2 }));
  const undone = {
    state: 'undone',
    wants: 'undone',
    undoneAt: '2026-03-01T10:01:00.000Z',
  } as const;
  await watches.note(done('act_1', { revision: 4, ...undone }));
  await watches.note(done('act_1', { revision: 3 }));
  rig.refuses = ({ kind }) => kind === 'undone';
  await watches.note(done('act_1', { revision: 3 }));
  rig.refuses = () => false;
  await rig.pass(10);
  assert.deepEqual(rig.taken, ['act_1 applied', 'act_1 undone']);
});

test('once detection is back all that wait are told of at once, however many', async () => {
  const { rig, watches } = open();
  for (let n = 0; n < 50; n++) await watches.note(done(`act_${n}`));
  await rig.pass(300);
  assert.ok(rig.tries <= 50 + 300, 'one refusal a second is enough');
  rig.refuses = () => false;
  await rig.pass(30);
  assert.deepEqual([rig.taken.length, watches.waiting], [50, 0]);
});

test('what needs no watch, or no more, is not told of', async () => {
  const { rig, watches } = open();
  await watches.note(sampleAction());
  assert.deepEqual([rig.tries, watches.waiting], [0, 0]);
  await watches.note(done('act_1'));
  await watches.note(done('act_1', { revision: 2, state: 'conflict' }));
  assert.equal(watches.waiting, 0, 'a person has changed it');
});
