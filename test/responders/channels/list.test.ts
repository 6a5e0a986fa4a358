/** What holds for every channel, and how their settings are read. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { channelSchema } from '../../../core/config-response.ts';
import { CHANNEL_KINDS, channelFaults } from '../../../responders/channels/list.ts';
import { sampleAlert } from '../../support/response-samples.ts';
import { HOSTILE, makeChannel, NEVER, SECRET, STEERING } from './support.ts';

const SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  log: {},
  webhook: { url: 'https://hooks.example/keyhound', secret: SECRET },
  slack: { url: 'https://hooks.slack.com/services/T0/B0/made-up' },
};

for (const { kind, summary } of CHANNEL_KINDS) {
  describe(kind, () => {
    test('renders purely, names its bounds and takes hostile text', () => {
      const channel = makeChannel({ kind, ...SETTINGS[kind] });
      assert.ok(summary.length > 10 && channel.perSecond > 0 && channel.alertsMax > 0);
      assert.ok(channel.waitingMax > 0 && channel.kind === kind && channel.name === 'on-call');
      const alerts = [sampleAlert(), sampleAlert({ id: HOSTILE, title: HOSTILE, text: HOSTILE })];
      assert.deepEqual(channel.render(alerts, 7), channel.render(structuredClone(alerts), 7));
      assert.doesNotMatch(channel.render(alerts, 7).body, STEERING);
      const none = channel.render([], 3);
      assert.ok(none.body.length > 0 && none.body.length < 20_000);
    });
  });
}

test('log writes alerts with their facts into the log, and no text of theirs steers a terminal', async () => {
  const lines: { facts: object; text: string }[] = [];
  const channel = makeChannel({ kind: 'log' }, (facts, text) => lines.push({ facts, text }));
  const alert = sampleAlert({ done: [HOSTILE], undo: 'keyhound restore kong:7f2d' });
  const message = channel.render([alert, sampleAlert({ title: HOSTILE, state: 'resolved' })], 37);
  assert.deepEqual(await channel.send(message, NEVER), { sent: true });
  const [line] = lines;
  assert.match(line!.text, /^\[HIGH\] checkout: used .*; \[RESOLVED\] <!channel>.*; and 37 more$/);
  assert.doesNotMatch(JSON.stringify(line), STEERING);
  assert.ok(JSON.stringify(line!.facts).includes('keyhound restore kong:7f2d'));
});

test('settings are strict, all faults are told, and no value is repeated', () => {
  const faults = (settings: object): string[] =>
    channelFaults(channelSchema.parse({ name: 'a', ...settings })).map(
      ({ path, message, hint }) => `${path.join('.')}: ${message}. ${hint ?? ''}`,
    );
  assert.deepEqual(faults({ kind: 'log' }), []);
  assert.match(faults({ kind: 'slak' })[0]!, /kind: no such kind of channel\. Did you mean slack/);
  assert.match(faults({ kind: 'log', url: 'x' })[0]!, /^url: unknown key/);
  assert.equal(faults({ kind: 'webhook' }).length, 2);
  for (const url of [
    'ftp://a.example/',
    'https://me:word@a.example/',
    'a.example',
    'file:///etc',
  ]) {
    const [fault, ...others] = faults({ kind: 'slack', url });
    assert.match(fault!, /^url: must be an http or https address/);
    assert.deepEqual(others, []);
    assert.ok(!fault!.includes(url));
  }
  const secret = 'made-up-secret-0123456789';
  const [fault] = faults({ kind: 'webhook', url: 'https://a.example/', secret });
  assert.ok(fault !== undefined && !fault.includes(secret));
  assert.throws(() => makeChannel({ kind: 'webhook', url: 'https://a.example/', secret }), {
    code: 'channel-invalid',
  });
});
