/** `silence`, `allow` and `incidents close`, and how what they did is shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Replay, RuleLine, StateClient } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { clientWith, finding, incident, key, run, summary } from './memory-io.ts';

const RULE: RuleLine = {
  type: 'silence',
  id: 'sil_1',
  subject: 'kong:3f9c',
  fromAt: '2026-03-01T12:00:00.000Z',
  untilAt: '2026-03-01T14:00:00.000Z',
  by: 'ann',
  reason: 'load test',
};
const ENV = { USER: 'ann' };
const RAW_KEY = 'sk_live_4bY7SECRET==';

/** A client that answers, and what it was asked. */
function spy(parts: Partial<StateClient> = {}) {
  const asked: unknown[] = [];
  const assemblies = clientWith({
    key: async (reference) =>
      'raw' in reference && reference.raw !== RAW_KEY
        ? { kind: 'unknown', nearest: undefined }
        : { kind: 'found', key: key(), usage: [] },
    addRule: async (request) => {
      asked.push(request);
      return { ...RULE, type: request.kind };
    },
    removeRule: async (request) => {
      asked.push(request);
      return request.id === RULE.id ? RULE : undefined;
    },
    rules: async (kind) => (kind === 'silence' ? [RULE] : []),
    closeIncident: async (id, request) => {
      asked.push([id, request]);
      const { as, by, reason } = request;
      const closed = { closedAs: as, closedBy: by, closedReason: reason };
      return { incident: incident({ ...closed, closedAt: RULE.untilAt }), findings: [finding()] };
    },
    ...parts,
  });
  return { asked, options: { assemblies, env: ENV as Record<string, string> } };
}

test('a silence is asked for by the label of a key, lasts a day, and says what it is', async () => {
  const { asked, options } = spy();
  const words = ['silence', 'add', '--subject', 'billing-export', '--reason', 'load test'];
  const ran = await run(words, options);
  assert.deepEqual(asked, [
    { kind: 'silence', subject: 'kong:3f9c', forMs: 86_400_000, by: 'ann', reason: 'load test' },
  ]);
  assert.equal(
    ran.stdout,
    'Silenced: subject kong:3f9c, until 2026-03-01 14:00:00 UTC.\nsil_1, by ann: load test\n',
  );
  await run([...words, '--for', '2h', '--detector', 'new-place', '--place', 'DE'], options);
  assert.deepEqual(asked[1], {
    kind: 'silence',
    subject: 'kong:3f9c',
    detector: 'new-place',
    place: 'DE',
    forMs: 7_200_000,
    by: 'ann',
    reason: 'load test',
  });
});

test('a word that is no id, no label and no subject of an incident is refused, and kept nowhere', async () => {
  const { asked, options } = spy({
    key: async () => ({ kind: 'unknown', nearest: undefined }),
    incidents: async ({ subjectId }) => (subjectId === 'acme' ? [incident()] : []),
  });
  const add = (word: string) =>
    run(['silence', 'add', '--subject', word, '--reason', 'x'], options);
  const refused = await add('sk_live_4bY7SECRET');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /key-unknown/);
  assert.ok(!`${refused.stdout}${refused.stderr}`.includes('SECRET'));
  const listed = await run(['incidents', '--subject', 'biling-export'], options);
  assert.equal(listed.status, 2);
  assert.deepEqual(asked, []);
  for (const id of [
    'kong:gone',
    'h:0123456789abcdef',
    '198.51.100.0/24',
    '2001:db8::/64',
    'fleet',
    'acme',
  ]) {
    assert.equal((await add(id)).status, 0, id);
  }
  assert.equal(asked.length, 6);
});

test('a raw key that the state knows is refused wherever it would be kept, and not shown', async () => {
  const { asked, options } = spy();
  const refused = async (option: string, ...words: string[]): Promise<void> => {
    const { status, stdout, stderr } = await run(words, options);
    assert.equal(status, 2, words.join(' '));
    assert.match(stderr, new RegExp(`--${option} holds a raw key.*raw-key-given.*kong:3f9c`, 's'));
    assert.ok(!`${stdout}${stderr}`.includes('SECRET'), stderr);
  };
  for (const text of [RAW_KEY, `is ${RAW_KEY} ours?`, `(key=${RAW_KEY})`, `X-Api-Key:${RAW_KEY}`]) {
    await refused('reason', 'silence', 'add', '--subject', 'a', '--reason', text);
  }
  await refused('label', 'silence', 'add', '--label', RAW_KEY, '--reason', 'x');
  await refused('consumer', 'allow', 'add', '--consumer', RAW_KEY, '--reason', 'x');
  await refused('reason', 'silence', 'remove', 'sil_1', '--reason', RAW_KEY);
  await refused('reason', 'incidents', 'close', 'i-1', '--as', 'resolved', '--reason', RAW_KEY);
  await refused('reason', 'suspend', 'a', '--yes', '--reason', RAW_KEY);
  await refused('reason', 'actions', 'resume', '--reason', RAW_KEY);
  options.env = { ...ENV, KEYHOUND_TOKEN: 'a-personal-token' };
  await refused('reason', 'approve', 'dec_1', '--reason', RAW_KEY);
  assert.deepEqual(asked, []);
});

test('where keys cannot be looked up, reasons are taken as they are', async () => {
  const { asked, options } = spy({
    key: async () => {
      throw new KeyhoundError('operating', 'away', { code: 'redis-away' });
    },
  });
  const words = ['silence', 'add', '--detector', 'new-place', '--reason', `of ${RAW_KEY}`];
  assert.equal((await run(words, options)).status, 0);
  assert.equal(asked.length, 1);
});

test('what is allowed is so until it is removed', async () => {
  const { asked, options } = spy();
  const words = ['allow', 'add', '--consumer', 'acme', '--label', 'x', '--reason', 'ours'];
  const ran = await run([...words, '--json'], options);
  assert.deepEqual(asked, [
    { kind: 'allow', consumer: 'acme', label: 'x', by: 'ann', reason: 'ours' },
  ]);
  assert.deepEqual(JSON.parse(ran.stdout), { ...RULE, type: 'allow' });
});

test('rules are listed and removed; nobody is left without a reason', async () => {
  const { asked, options } = spy();
  const listed = await run(['silence', 'list'], options);
  assert.match(listed.stdout, /COVERS.*\nsubject kong:3f9c +2026-03-01 14:00:00 +ann +load test/);
  assert.match((await run(['allow', 'list'], options)).stderr, /The allowlist is empty/);
  const remove = (id: string, ...more: string[]) =>
    run(['silence', 'remove', id, ...more], options);
  assert.equal((await remove('sil_1', '--reason', 'over')).status, 0);
  assert.deepEqual(asked, [{ kind: 'silence', id: 'sil_1', by: 'ann', reason: 'over' }]);
  const unknown = await remove('sil_2', '--reason', 'over');
  assert.deepEqual([unknown.status, /\[rule-unknown\]/.test(unknown.stderr)], [2, true]);
  for (const words of [
    ['silence', 'remove', 'sil_1'],
    ['allow', 'add', '--place', 'DE'],
  ]) {
    const silent = await run(words, options);
    assert.deepEqual([silent.status, /--reason/.test(silent.stderr)], [2, true]);
  }
});

test('an incident is closed as what it was', async () => {
  const { asked, options } = spy();
  const words = ['incidents', 'close', 'i-1', '--as'];
  const ran = await run([...words, 'false-alarm', '--reason', 'ours', '--for', '90d'], options);
  const request = { as: 'false-alarm', by: 'ann', reason: 'ours', forMs: 90 * 86_400_000 };
  assert.deepEqual(asked, [['i-1', request]]);
  assert.match(ran.stdout, /closed as false-alarm by ann: ours/);
  assert.equal((await run(['incidents', 'close', 'i-1'], options)).status, 2);
  const gone = spy({ closeIncident: async () => undefined });
  const missing = await run([...words, 'resolved'], gone.options);
  assert.deepEqual([missing.status, /\[incident-unknown\]/.test(missing.stderr)], [2, true]);
});

test('a list shows what is silenced, and what is part of another below it', async () => {
  const fleet = { kind: 'fleet' as const, id: 'fleet' };
  const incidents = async () => [
    incident({ id: 'i-2', partOf: 'i-9', subject: { kind: 'key', id: 'kong:2' } }),
    incident({ id: 'i-1', silencedBy: 'sil_1', subject: { kind: 'key', id: 'kong:1' } }),
    incident({ id: 'i-9', subject: fleet }),
    incident({ id: 'i-3', partOf: 'i-8', subject: { kind: 'key', id: 'kong:3' } }),
  ];
  const { stdout } = await run(['incidents'], { assemblies: clientWith({ incidents }) });
  const subjects = stdout.split('\n').map((line) => line.slice(8).trim().split(/ {2,}/)[0]);
  assert.deepEqual(subjects.slice(1, 5), ['kong:1', 'fleet', '- kong:2', 'kong:3']);
  assert.match(stdout, /kong:1 .* silenced /);
});

test('what is silenced is no alert: not on the terminal, not for --fail-on', async () => {
  const told = summary({ silenced: 1, partOf: 2, heldBack: { allowed: 3, remembered: 0 } });
  const replay: Replay = async (options) => {
    options.onIncident(incident({ id: 'i-1', silencedBy: 'sil_1', why: 'silent' }));
    options.onIncident(incident({ id: 'i-9', subject: { kind: 'fleet', id: 'fleet' } }));
    options.onIncident(incident({ id: 'i-2', partOf: 'i-9', why: 'explained' }));
    return told;
  };
  const ran = await run(['replay', 'a', '--fail-on', 'critical'], { assemblies: { replay } });
  assert.doesNotMatch(ran.stdout, /silent$|explained/m);
  assert.match(ran.stdout, /of it: 1 incident of single keys/);
  assert.match(
    ran.stdout,
    /raised no alert: 1 silenced, 2 part of another incident, 3 findings allowed/,
  );
  const silent: Replay = async (options) => {
    options.onIncident(incident({ severity: 'critical', silencedBy: 'sil_1' }));
    return summary();
  };
  const words = ['replay', 'a', '--fail-on', 'low'];
  assert.equal((await run(words, { assemblies: { replay: silent } })).status, 0);
});

test('an alert budget is told as the risk from which on to alert, and changes nothing', async () => {
  const day = (date: number) => `2026-03-${String(date).padStart(2, '0')}T00:00:00.000Z`;
  const incidents = async () =>
    [5, 5, 8, 12].map((risk, i) =>
      incident({ id: `i-${i}`, risk, openedAt: day(1 + i), updatedAt: day(2 + i) }),
    );
  const assemblies = clientWith({
    incidents: async () => [
      ...(await incidents()),
      incident({ risk: 20, silencedBy: 'sil_1', openedAt: day(1), updatedAt: day(1) }),
      incident({ risk: 20, partOf: 'i-9', openedAt: day(1), updatedAt: day(1) }),
    ],
  });
  const ran = await run(['incidents', '--budget', '1'], { assemblies });
  assert.match(
    ran.stdout,
    /^Alert budget of 1 a day: alert from a risk of 4\.0 on; .* 1 a day over 4/,
  );
  const replay: Replay = async () => ({
    ...summary(),
    budget: {
      type: 'budget',
      perDay: 0.5,
      days: 4,
      incidents: 4,
      threshold: 5.1,
      alertsPerDay: 0.5,
    },
  });
  const { stdout } = await run(['replay', 'a'], { assemblies: { replay } });
  assert.match(stdout, /Alert budget of 0\.5 a day: alert from a risk of 5\.1 on/);
});
