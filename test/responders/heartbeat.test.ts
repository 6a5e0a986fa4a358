/** Heartbeats, test messages, and the loop that sends what is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channelSchema } from '../../core/config-response.ts';
import { createChannel } from '../../responders/channels/list.ts';
import { Deliveries } from '../../responders/deliveries.ts';
import { readOf, startSlack } from '../fakes/slack.ts';
import { memoryDeliveries } from '../support/memory-deliveries.ts';
import { sampleAlert } from '../support/response-samples.ts';
import { DOWN, GONE, OK, Rig, START } from './delivery-rig.ts';

test('heartbeats go to who wants them, at their pace, with what the program says of itself', async () => {
  const rig = new Rig([
    { name: 'watch', kinds: ['heartbeat'], heartbeatMinutes: 10 },
    { name: 'b', fallback: 'b' },
  ]);
  await rig.pass(3_600_000 - 1);
  assert.deepEqual(
    rig.sent.map(({ channel, at }) => `${channel} ${(at - START) / 60_000}`),
    ['watch 0', 'watch 10', 'watch 20', 'watch 30', 'watch 40', 'watch 50'],
  );
  assert.deepEqual(rig.sent[0]!.alerts[0]!.facts, [['keys', '12']]);
  rig.answers.set('watch', DOWN);
  await rig.pass(3_600_000);
  rig.answers.delete('watch');
  await rig.pass(600_000);
  assert.ok(rig.sent.length <= 8, 'those that failed are not made up for');
});

test('channels test sends one message past all filters, and says what came of it', async () => {
  const rig = new Rig([{ name: 'a', kinds: ['approval'], severity: 'critical' }]);
  assert.deepEqual(await rig.deliveries.test('a', rig.signal), OK);
  assert.equal(rig.sent[0]!.alerts[0]!.kind, 'test');
  rig.answers.set('a', GONE);
  assert.deepEqual(await rig.deliveries.test('a', rig.signal), GONE);
  await assert.rejects(rig.deliveries.test('b', rig.signal), { code: 'channel-unknown' });
});

test('run delivers to a strict Slack what is told, and ends on its signal', async () => {
  const slack = await startSlack();
  slack.fail({ status: 429, body: 'rate_limited', headers: { 'retry-after': '0.2' } });
  const config = channelSchema.parse({ name: 'a', kind: 'slack', url: slack.webhook });
  const clock = { now: () => performance.timeOrigin + performance.now() };
  const tools = { now: clock.now, log: () => {} };
  const store = memoryDeliveries();
  // Without jitter a pause is half of what it may be: a second.
  const deliveries = new Deliveries({
    channels: [{ config, channel: { ...createChannel(config, tools), perSecond: 100 } }],
    store,
    clock,
    random: () => 0,
  });
  const stop = new AbortController();
  const ran = deliveries.run(stop.signal);
  await deliveries.tell(sampleAlert());
  await slack.came(2);
  stop.abort();
  await ran;
  await slack.close();
  assert.ok(readOf(slack.messages[0]!).includes('HIGH: checkout'));
});
