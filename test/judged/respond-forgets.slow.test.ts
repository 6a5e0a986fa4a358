/** A process that begins to respond while Elasticsearch is away acts on open incidents as soon as that answers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/until.ts';
import {
  actionOf,
  decisionsOf,
  RespondScene,
  responding,
  standingOf,
  subjectOf,
} from './respond-scene.ts';
import type { Member } from './stack.ts';

let scene: RespondScene;

before(async () => {
  scene = await RespondScene.open();
});
after(() => scene?.end());

const stop = (member: Member, stopped: boolean) =>
  member.post(
    '/api/v1/actions/stop',
    JSON.stringify({ stopped, lift: false, by: 'ann', reason: 'a test' }),
  );

test('what was open before is acted upon when Elasticsearch answers, without anything new of it', async () => {
  const first = await responding(scene.responds);
  await stop(first, true);
  const subject = subjectOf('stolen');
  await until(
    async () => {
      await scene.bad('stolen');
      return (await decisionsOf(first)).find((one) => one.subject.id === subject);
    },
    (decision) => decision?.state === 'held',
  );
  for (const { child } of scene.responds) child.kill('SIGTERM');
  for (const { child } of scene.responds) await child.ended;
  await scene.servers.elasticsearch!.kill();

  const next = await scene.stack.start('respond', first.folder);
  await responding([next]);
  const isUnready = /respond: elasticsearch.*not known yet/s;
  await until(
    () => next.get('/readyz'),
    (text) => isUnready.test(text),
  );
  await stop(next, false);
  assert.equal(await standingOf(next, subject), undefined, 'nobody knows of the incident');
  await scene.servers.elasticsearch!.restart();
  await until(
    () => actionOf(next, subject),
    (action) => action?.state === 'done',
  );
  await until(
    () => next.get('/readyz'),
    (text) => !isUnready.test(text),
  );
});
