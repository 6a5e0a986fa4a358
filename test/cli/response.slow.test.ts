/** Commands about decisions and actions: what they ask for, what they print, how they end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyhoundError } from '../../core/errors.ts';
import type { CommandRequest, ResponseClient, ResponseStatus } from '../../core/response.ts';
import { sampleAction, sampleDecision } from '../support/response-samples.ts';
import { clientWith, key, type RunOptions, run, UNUSED_RESPONSE } from './memory-io.ts';

const STATUS: ResponseStatus = {
  type: 'response',
  policyVersion: 'a1b2',
  policyPath: 'policy.yaml',
  rungs: { 'throttle-hard': 'automatic' },
  stopped: false,
  gateways: [{ name: 'kong', kind: 'kong', rungs: ['suspend'], waiting: 0 }],
  standing: 1,
  held: 0,
  waiting: 0,
};

function withResponse(parts: Partial<ResponseClient>): RunOptions {
  const response = { ...UNUSED_RESPONSE, responseStatus: async () => STATUS, ...parts };
  const found = { kind: 'found', key: key({ id: 'kong:7f2d' }), usage: [] } as const;
  return {
    assemblies: clientWith({ key: async () => found, response }),
    env: { USER: 'ann' },
  };
}

test('a verb needs a reason and a confirmation, and never takes a raw key as an argument', async () => {
  const options = withResponse({});
  const bare = await run(['suspend', 'billing'], options);
  assert.equal(bare.status, 2);
  assert.match(bare.stderr, /--reason TEXT/);
  const unconfirmed = await run(['suspend', 'billing', '--reason', 'x'], options);
  assert.equal(unconfirmed.status, 2);
  assert.match(unconfirmed.stderr, /--yes/);
});

test('a verb is asked for by the id of the key, with who, why, how long and how much', async () => {
  const asked: CommandRequest[] = [];
  const options = withResponse({
    command: async (request) => {
      asked.push(request);
      return { decisions: [sampleDecision()], actions: [sampleAction()], planned: [] };
    },
  });
  const words = ['throttle', 'billing', '--reason', 'ticket 17', '--rate', '5/m', '--for', '2h'];
  const { status, stdout } = await run([...words, '--yes'], options);
  assert.equal(status, 0);
  assert.deepEqual(asked, [
    {
      verb: 'throttle',
      key: 'kong:7f2d',
      by: 'ann',
      reason: 'ticket 17',
      dryRun: false,
      falseAlarm: false,
      forMs: 7_200_000,
      limit: { requests: 5, windowMs: 60_000 },
    },
  ]);
  assert.match(stdout, /suspend {2}kong:7f2d\n {2}at kong: planned/);
});

test('restore may name a decision; other verbs may not', async () => {
  const asked: CommandRequest[] = [];
  const options = withResponse({
    command: async (request) => {
      asked.push(request);
      return { decisions: [sampleDecision()], actions: [sampleAction()], planned: [] };
    },
  });
  const words = ['billing', '--reason', 'rotated', '--decision', 'dec_1', '--yes'];
  assert.equal((await run(['restore', ...words], options)).status, 0);
  assert.equal(asked[0]!.decision, 'dec_1');
  const wrong = await run(['suspend', ...words], options);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /--decision is for restore/);
});

test('a dry run prints each gateway’s calls, the undo and the siblings, and needs no --yes', async () => {
  const planned = [
    {
      gateway: 'kong',
      rung: 'suspend' as const,
      calls: ['DELETE /x'],
      undo: ['PUT /x'],
      siblings: ['kong:other\u001b[2J'],
    },
  ];
  const options = withResponse({
    command: async ({ dryRun }) => {
      assert.equal(dryRun, true);
      return { decisions: [], actions: [], planned };
    },
  });
  const { status, stdout } = await run(['suspend', 'k', '--reason', 'x', '--dry-run'], options);
  assert.equal(status, 0);
  assert.match(stdout, /DELETE \/x/);
  assert.match(stdout, /undo by hand:\n {4}PUT \/x/);
  assert.match(stdout, /also hit: kong:other/);
  assert.ok(!stdout.includes('\u001b'), 'a gateway’s text is escaped');
});

test('what a brake holds ends with 5, what waits for a person with 4', async () => {
  for (const [state, expected] of [
    ['held', 5],
    ['waiting', 4],
    ['standing', 0],
  ] as const) {
    const decision = sampleDecision({ state, heldBy: 'budget' });
    const options = withResponse({
      command: async () => ({ decisions: [decision], actions: [], planned: [] }),
    });
    const { status } = await run(['revoke', 'k', '--reason', 'x', '--yes'], options);
    assert.equal(status, expected, state);
  }
});

test('--wait returns once the action was verified, and ends with 3 when it is not contained', async () => {
  for (const [verdict, expected] of [
    ['contained', 0],
    ['not-contained', 3],
  ] as const) {
    let asked = 0;
    const options = withResponse({
      command: async () => ({
        decisions: [sampleDecision()],
        actions: [sampleAction()],
        planned: [],
      }),
      action: async () => {
        asked += 1;
        return asked < 2
          ? sampleAction({ state: 'done' })
          : sampleAction({ state: 'done', verdict, leak: '3 requests from DE' });
      },
    });
    const words = ['suspend', 'k', '--reason', 'x', '--yes', '--wait', '--json'];
    const { status, stdout } = await run(words, options);
    assert.equal(status, expected);
    assert.equal(asked, 2);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ type }) => type),
      ['decision', 'action'],
    );
    assert.equal(lines[1].verdict, verdict);
  }
});

test('an approval is bound to a personal token, never to a name', async () => {
  const asked: unknown[] = [];
  const options = withResponse({
    approve: async (id, request) => {
      asked.push([id, request]);
      return { decision: sampleDecision({ state: 'waiting', approvalsNeeded: 2 }), actions: [] };
    },
  });
  const without = await run(['approve', 'dec_1'], options);
  assert.equal(without.status, 2);
  assert.match(without.stderr, /KEYHOUND_TOKEN/);
  const env = { USER: 'ann', KEYHOUND_TOKEN: 'personal-token-of-ann' };
  const { status, stdout, stderr } = await run(['approve', 'dec_1'], { ...options, env });
  assert.equal(status, 4, 'another person is needed');
  assert.deepEqual(asked, [
    ['dec_1', { verdict: 'approve', token: 'personal-token-of-ann', reason: '' }],
  ]);
  assert.ok(!`${stdout}${stderr}`.includes('personal-token'));
});

test('the kill switch says what it left standing', async () => {
  const asked: unknown[] = [];
  const options = withResponse({
    stop: async (request) => {
      asked.push(request);
      return { ...STATUS, stopped: request.stopped, stoppedBy: request.by };
    },
  });
  const { stdout } = await run(['actions', 'stop', '--reason', 'wrong keys'], options);
  assert.match(stdout, /Stopped by ann: nothing new is acted upon\./);
  assert.match(stdout, /1 standing/);
  await run(['actions', 'resume', '--reason', 'mended'], options);
  assert.deepEqual(asked, [
    { stopped: true, lift: false, by: 'ann', reason: 'wrong keys' },
    { stopped: false, lift: false, by: 'ann', reason: 'mended' },
  ]);
});

test('restore --wait returns once the key is accepted again, whatever was seen before', async () => {
  const undone = { state: 'undone', verdict: 'not-contained', wants: 'undone' } as const;
  for (const [undoVerdict, expected] of [
    ['restored', 0],
    ['no-traffic', 0],
    ['not-restored', 3],
  ] as const) {
    let asked = 0;
    const options = withResponse({
      command: async () => ({
        decisions: [sampleDecision({ state: 'ended' })],
        actions: [sampleAction(undone)],
        planned: [],
      }),
      action: async () => {
        asked += 1;
        return sampleAction(asked < 2 ? undone : { ...undone, undoVerdict });
      },
      actions: async () => [],
    });
    const words = ['restore', 'k', '--reason', 'x', '--yes', '--wait'];
    const { status, stdout } = await run(words, options);
    assert.equal(status, expected);
    assert.equal(asked, 2);
    assert.match(stdout, new RegExp(`undone, ${undoVerdict}`));
  }
});

test('restore --wait does not wait for what cannot be seen: another action holds the key', async () => {
  const undone = sampleAction({ state: 'undone', wants: 'undone' });
  const options = withResponse({
    command: async () => ({
      decisions: [sampleDecision({ state: 'ended' })],
      actions: [undone],
      planned: [],
    }),
    action: async () => undone,
    actions: async ({ gateway, state }) => {
      assert.deepEqual([gateway, state], [undone.gateway, 'done']);
      return [sampleAction({ id: 'act_other', state: 'done', wants: 'applied' })];
    },
  });
  const words = ['restore', 'k', '--reason', 'x', '--yes', '--wait'];
  const { status, stderr } = await run(words, options);
  assert.equal(status, 0);
  assert.match(stderr, /Something else still holds it/);
});

test('a process that does not respond lists what was done all the same', async () => {
  const options = withResponse({
    actions: async () => [sampleAction({ state: 'done' })],
    responseStatus: async () => {
      throw new KeyhoundError('usage', 'not here', { code: 'not-here' });
    },
  });
  const { status, stdout, stderr } = await run(['actions'], options);
  assert.equal(status, 0);
  assert.match(stdout, /suspend +done/);
  assert.match(stderr, /Another process responds/);
});

test('lists print a line each; an unknown id is an error that says where to look', async () => {
  const options = withResponse({
    actions: async (filter) => {
      assert.deepEqual(filter, { limit: 51, state: 'done', subjectId: 'kong:7f2d' });
      const done = { state: 'done', verdict: 'contained' } as const;
      return [sampleAction(done), sampleAction({ ...done, wants: 'undone' })];
    },
    action: async () => undefined,
    decisions: async () => [sampleDecision({ state: 'held', heldBy: 'budget' })],
    decision: async () => undefined,
  });
  const listed = await run(['actions', '--status', 'done', '--subject', 'billing'], options);
  assert.match(listed.stdout, /suspend +done, contained +kong:7f2d/);
  assert.match(listed.stdout, /suspend +done, being undone +kong:7f2d/);
  const held = await run(['decisions'], options);
  assert.match(held.stdout, /held: budget/);
  const action = await run(['actions', 'show', 'act_x'], options);
  assert.equal(action.status, 2);
  assert.match(action.stderr, /keyhound actions/);
  assert.equal((await run(['decisions', 'show', 'x'], options)).status, 2);
});

test('reconcile, audit verify and channels test end with 3 when something is wrong', async () => {
  const orphan = {
    type: 'discrepancy',
    gateway: 'kong',
    kind: 'orphan',
    detail: 'plugin 1',
    fixed: false,
  } as const;
  const options = withResponse({
    reconcile: async ({ fix, by }) => {
      assert.equal(by, 'ann');
      return [{ ...orphan, fixed: fix }];
    },
    verifyAudit: async () => [
      { writer: 'w', entries: 2, ok: false, detail: 'entry 2 was changed' },
    ],
    testChannels: async () => [{ name: 'log', ok: true, detail: 'taken' }],
  });
  assert.equal((await run(['actions', 'reconcile'], options)).status, 3);
  assert.equal((await run(['actions', 'reconcile', '--fix'], options)).status, 0);
  const audit = await run(['audit', 'verify'], options);
  assert.equal(audit.status, 3);
  assert.match(audit.stdout, /entry 2 was changed/);
  assert.equal((await run(['channels', 'test', 'log'], options)).status, 0);
});

test('keys show says which limits hold for the key, and what the learned one is from', async () => {
  const limits = {
    layers: [
      { name: 'minute', limit: { requests: 600, windowMs: 60_000 }, enforce: true },
      { name: 'learned', limit: { requests: 90, windowMs: 3_600_000 }, enforce: false },
    ],
    learned: 'p99 of its hours 30 × 3',
  };
  const found = { kind: 'found', key: { ...key(), limits }, usage: [] } as const;
  const { stdout } = await run(['keys', 'show', 'billing'], {
    assemblies: clientWith({ key: async () => found }),
  });
  assert.match(stdout, /limit +minute 600 in 1m\n/);
  assert.match(stdout, /limit +learned 90 in 1h, only shown: p99 of its hours 30 × 3\n/);
});

test('a list that is cut short says so', async () => {
  const two = [sampleDecision(), sampleDecision({ id: 'dec_b' })];
  const options = withResponse({
    decisions: async (filter) => two.slice(0, filter.limit),
    actions: async (filter) => [sampleAction(), sampleAction()].slice(0, filter.limit),
  });
  for (const list of ['decisions', 'actions']) {
    const { stdout, stderr } = await run([list, '--limit', '1', '--json'], options);
    const lines = stdout.split('\n').filter((line) => /"type":"(decision|action)"/.test(line));
    assert.equal(lines.length, 1, list);
    assert.match(stderr, /There are more: --limit 1 was reached/, list);
  }
  assert.doesNotMatch((await run(['decisions', '--limit', '2'], options)).stderr, /There are more/);
});
