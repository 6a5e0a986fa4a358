/**
 * The response with its roles apart: what detect finds in traffic, one of two respond processes decides and carries
 * out at gateways, detect proves from the stream, people are told; the other one goes on when the first is killed.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Action } from '../../core/action.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { until } from '../support/until.ts';
import { finish } from './keyhound.ts';
import {
  ASKED,
  actionOf,
  actionsOf,
  KEYS,
  type KeyName,
  RespondScene,
  rawOf,
  report,
  responding,
  standingOf,
  subjectOf,
} from './respond-scene.ts';
import { type Member, readTopic } from './stack.ts';

let scene: RespondScene;
let first: Member;
let second: Member;

before(async () => {
  scene = await RespondScene.open();
  first = await responding(scene.responds);
  second = scene.responds.find((one) => one !== first)!;
});

after(() => scene?.end());

const say = (to: Member, verb: string, key: string) =>
  to.post(
    '/api/v1/commands',
    JSON.stringify({ verb, key, by: 'ann', reason: 'a test', dryRun: false }),
  );
const command = async (to: Member, verb: string, key: string) =>
  JSON.parse(await say(to, verb, key)) as { decisions: { rung: string }[] };

/** The thief goes on until the policy has decided. */
const decided = (name: KeyName) =>
  until(
    async () => {
      await scene.bad(name);
      return standingOf(scene.console, subjectOf(name));
    },
    (decision) => decision !== undefined,
  );

test('whoever does not respond says which process does', async () => {
  for (const other of [second, scene.console]) {
    const answer = await until(
      () => say(other, 'suspend', ASKED),
      (text) => text.includes(first.console),
    );
    assert.match(answer, /not-here/);
  }
});

test('by hand: kept by one, told by the other, enforced by a third, and taken back', async () => {
  await command(first, 'suspend', ASKED);
  await until(
    () => scene.decided(),
    (word) => word === 'refuse',
  );
  const byHand = await until(
    () => actionOf(second, ASKED),
    (one) => one?.state === 'done',
  );
  assert.deepEqual([byHand?.gateway, byHand?.rung], ['edge', 'suspend']);
  await command(first, 'restore', ASKED);
  await until(
    () => scene.decided(),
    (word) => word === 'allow',
  );
  // No incident says what the key was used for: the state in Redis does.
  const contained = await command(first, 'contain', ASKED);
  assert.equal(contained.decisions[0]?.rung, 'contain');
  await command(first, 'restore', ASKED);
});

test('stolen keys are found in traffic and suspended; the stream says what holds and what does not', async () => {
  const decisions = await Promise.all([decided('stolen'), decided('leaking')]);
  assert.deepEqual(
    decisions.map((one) => [one?.rung, one?.mode, one?.actor]),
    Array(2).fill(['suspend', 'automatic', 'policy']),
  );
  await until(
    async () => {
      await scene.bad('stolen', 403);
      await scene.bad('leaking');
      return Promise.all([
        actionOf(first, subjectOf('stolen')),
        actionOf(first, subjectOf('leaking')),
      ]);
    },
    ([stolen, leaking]) => stolen?.verdict === 'contained' && leaking?.verdict === 'not-contained',
  );
  await until(
    async () => {
      // A decision that grows is carried out anew, and its proof begins again: the thief goes on meanwhile.
      await scene.bad('leaking');
      return scene.alerts();
    },
    (alerts) =>
      scene.isTold(/^contained at kong/) &&
      alerts.some(({ title }) => title.startsWith(`NOT contained: ${subjectOf('leaking')}`)),
  );
  assert.deepEqual(scene.kong.violations, []);
});

test('a report of a leak revokes, is seen and told; forged, late and unknown ones do nothing', async () => {
  const token = rawOf('leaked');
  const forger = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  assert.equal(await report(first, { token }, { secret: forger }), 401);
  assert.equal(await report(first, { token }, { at: Date.now() - 301_000 }), 400);
  assert.equal(await report(first, { token: 'nobody-has-this-key' }, { id: 'msg_0' }), 202);
  assert.ok(scene.kong.credentials.has(KEYS.leaked.id));

  assert.equal(await report(first, { token }), 202);
  const hasKey = async () => scene.kong.credentials.has(KEYS.leaked.id);
  await until(hasKey, (has) => !has);
  assert.equal(await report(first, { token }), 202, 'a replay');
  await until(
    async () => {
      await scene.bad('leaked', 401);
      return actionOf(first, subjectOf('leaked'));
    },
    (action) => action?.verdict === 'contained',
  );
  await until(
    async () => scene.isTold(/^revoked at kong/),
    (told) => told,
  );
  const about = (await actionsOf(first)).filter(({ subject }) => subject.id.endsWith('ded02'));
  assert.equal(about.length, 1);
  const deletions = scene.kong.calls.filter((call) => call.startsWith('DELETE /consumers'));
  assert.equal(deletions.length, 1, deletions.join());
  for (const { child } of scene.responds) assert.ok(!child.stderr.includes(token));

  const figures = await first.get('/metrics');
  assert.match(figures, /^keyhound_partition_lag_messages\{topic="incidents",partition="0"\} \d/m);
  assert.match(figures, /^keyhound_decisions_count\{state="standing"\} [1-9]/m);
  assert.match(figures, /^keyhound_settled_actions_total\{state="done"\} [1-9]/m);
  assert.match(figures, /^keyhound_alert_messages_total\{channel="soc",result="sent"\} [1-9]/m);
  assert.match(figures, /^keyhound_leak_reports_total\{result="hit"\} 1$/m);
});

test('killed between decision and action: another one carries it out, once', async () => {
  const orphan = subjectOf('orphan');
  scene.spare.refuse(true);
  await decided('orphan');
  assert.notEqual((await actionOf(first, orphan))?.state, 'done');
  first.child.kill('SIGKILL');
  await first.child.ended;
  scene.spare.refuse(false);
  await responding([second]);
  await until(
    () => actionOf(second, orphan),
    (action) => action?.state === 'done',
  );
  const { calls, plugins, violations } = scene.spare;
  assert.equal(plugins.size, 1);
  assert.equal(calls.filter((call) => call.startsWith('PUT')).length, 1);
  assert.deepEqual(violations, []);
});

test('restore waits until the stream shows the key accepted again', async () => {
  const key = subjectOf('stolen');
  const words = ['restore', key, '--reason', 'it was me', '--false-alarm', '--yes', '--wait'];
  const ending = finish([...words, '--json'], { cwd: second.folder });
  let isOver = false;
  void ending.then(() => {
    isOver = true;
  });
  await until(
    async () => {
      await scene.good('stolen');
      return isOver;
    },
    (over) => over,
  );
  const { status, stdout, stderr } = await ending;
  assert.equal(status, 0, stderr);
  assert.match(stdout, /"undoVerdict":"restored"/);
  assert.equal([...scene.kong.plugins.values()].length, 1, 'the other key stays suspended');

  // Told to others too: the topic has the last revision, and the audit log is whole.
  const messages = await readTopic(scene.stack.kafkaConfig, topicNames(scene.stack.prefix).actions);
  const last = new Map(
    messages.map(({ value }) => {
      const action = JSON.parse(value.toString('utf8')) as Action;
      return [action.subject.id, action.state] as const;
    }),
  );
  assert.equal(last.get(key), 'undone');
  const verified = await finish(['audit', 'verify', '--json'], { cwd: second.folder });
  assert.equal(verified.status, 0, verified.stderr + verified.stdout);
  assert.match(verified.stdout, /"ok":true/);
});

test('with Redis away people can stop everything, and are told what cannot be done', async () => {
  await scene.servers.redis.kill();
  const words = ['actions', 'stop', '--reason', 'it throttles the wrong keys'];
  const stopped = await finish(words, { cwd: second.folder });
  assert.equal(stopped.status, 0, stopped.stderr);
  assert.match(stopped.stdout, /Stopped by/);
  assert.ok(existsSync(path.join(second.stateDir, 'stopped')));
  const refused = await finish(['suspend', subjectOf('stolen'), '--reason', 'x', '--yes'], {
    cwd: second.folder,
  });
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /Redis/);
});
