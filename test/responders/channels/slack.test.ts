/** The channel slack against a strict receiver: limits, escaping, its errors. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Alert, SendResult } from '../../../core/alert.ts';
import { controlsOf, type FakeSlack, readOf, startSlack } from '../../fakes/slack.ts';
import { sampleAlert } from '../../support/response-samples.ts';
import { HOSTILE, makeChannel, NEVER, STEERING } from './support.ts';

describe('slack', () => {
  let slack: FakeSlack;
  before(async () => {
    slack = await startSlack();
  });
  after(() => slack.close());
  beforeEach(() => slack.messages.splice(0));

  async function send(alerts: readonly Alert[], more = 0): Promise<SendResult> {
    const channel = makeChannel({ kind: 'slack', url: slack.webhook });
    return channel.send(channel.render(alerts, more), NEVER);
  }

  test('one alert is told with its sentence, numbers, what was done and how to undo it', async () => {
    const alert = sampleAlert({
      done: ['throttled to 5 a minute at kong until 11:00 UTC', 'contained in 4.2 s'],
      undo: 'keyhound restore kong:7f2d --reason "…"',
    });
    assert.deepEqual(await send([alert]), { sent: true });
    const text = readOf(slack.messages[0]!);
    for (const part of ['HIGH: checkout', '1,767 km', '12.5', 'contained in 4.2 s', alert.undo!]) {
      assert.ok(text.includes(part), part);
    }
    assert.match(slack.messages[0]!.text, /^\[HIGH\] checkout/);
  });

  test('nothing that an attacker writes mentions anybody, links, or steers a screen', async () => {
    const alert = sampleAlert({
      title: HOSTILE,
      text: HOSTILE,
      facts: [[HOSTILE, HOSTILE]],
      done: [HOSTILE],
      undo: HOSTILE,
      id: HOSTILE,
    });
    for (const alerts of [[alert], [alert, alert]])
      assert.deepEqual(await send(alerts), { sent: true });
    for (const message of slack.messages) {
      assert.deepEqual(controlsOf(message), []);
      assert.doesNotMatch(JSON.stringify(message), STEERING);
      const marked = message.blocks.filter(({ text }) => text?.type === 'mrkdwn');
      assert.ok(marked.length > 0 && marked.every(({ text }) => text!.verbatim === true));
      for (const { text } of marked) assert.match(text!.text, /^Undo: `[^`]*`$/);
    }
    assert.ok(readOf(slack.messages[0]!).includes('<!channel> <https://evil.example|click here>'));
  });

  test('whatever the lengths, Slack takes it, and no escape is cut through', async () => {
    for (const text of ['&'.repeat(9000), '<a>\n'.repeat(3000), '👩‍🚀'.repeat(3000), '']) {
      const facts = Array.from({ length: 30 }, () => [text, text] as const);
      const done = Array.from({ length: 30 }, () => text);
      const alert = sampleAlert({ title: text, text, facts, done, undo: text });
      assert.deepEqual(await send([alert]), { sent: true }, text.slice(0, 4));
      assert.deepEqual(
        await send(
          Array.from({ length: 10 }, () => alert),
          37,
        ),
        { sent: true },
      );
    }
    for (const message of slack.messages) {
      assert.doesNotMatch(JSON.stringify(message), /&(?!amp;|lt;|gt;)/);
    }
  });

  test('what does not fit is counted', async () => {
    const alerts = Array.from({ length: 10 }, (_, i) => sampleAlert({ id: `inc_${i}` }));
    await send(alerts, 1037);
    assert.ok(readOf(slack.messages[0]!).includes('and 1,037 more'));
    assert.ok(readOf(slack.messages[0]!).includes('1,047 incident alerts'));
    assert.ok(slack.messages[0]!.text.includes('and 1,037 more'));
  });

  test('its errors say whether to try again', async () => {
    const alert = [sampleAlert()];
    const cases = [
      [{ status: 400, body: 'invalid_payload' }, true, '400 invalid_payload'],
      [{ status: 403, body: 'action_prohibited' }, true, '403 action_prohibited'],
      [{ status: 404, body: 'channel_not_found' }, true, '404 channel_not_found'],
      [{ status: 410, body: 'channel_is_archived' }, true, '410 channel_is_archived'],
      [{ status: 500, body: 'rollup_error' }, false, '500 rollup_error'],
      [{ status: 503, body: '<html>busy</html>' }, false, 'status 503'],
      [{ status: 302, headers: { location: 'http://192.0.2.1/' } }, true, 'status 302'],
      [{ status: 200, body: '<html>log in</html>' }, false, 'answered, but not as Slack does'],
      ['reset', false, 'UND_ERR_SOCKET'],
    ] as const;
    for (const [answer, permanent, reason] of cases) {
      slack.fail(answer);
      const result = await send(alert);
      if (answer === 'reset') assert.ok(!result.sent && !result.permanent, 'reset');
      else assert.deepEqual(result, { sent: false, permanent, reason });
    }
    slack.fail({ status: 429, body: 'rate_limited', headers: { 'retry-after': '30' } });
    assert.deepEqual(await send(alert), {
      sent: false,
      permanent: false,
      reason: '429 rate_limited',
      retryAfterMs: 30_000,
    });
    assert.deepEqual(slack.messages, []);
  });

  test('a stop ends a try, and no reason names the address', async () => {
    slack.fail('hang');
    const channel = makeChannel({ kind: 'slack', url: slack.webhook });
    const stop = new AbortController();
    const sent = channel.send(channel.render([sampleAlert()], 0), stop.signal);
    await slack.came(slack.requests.length + 1);
    stop.abort();
    assert.deepEqual(await sent, { sent: false, permanent: false, reason: 'stopped' });
    const nobody = makeChannel({
      kind: 'slack',
      url: 'http://127.0.0.1:9/services/made-up-secret',
    });
    const result = await nobody.send(nobody.render([sampleAlert()], 0), NEVER);
    assert.ok(!result.sent && !result.permanent && !/made-up|127/.test(result.reason));
  });

  test('the same content has the same id, other content another', () => {
    const channel = makeChannel({ kind: 'slack', url: slack.webhook });
    const id = (change: Partial<Alert>, more = 0): string =>
      channel.render([sampleAlert(change)], more).id;
    assert.equal(id({}), id({}));
    const all = [
      id({}),
      id({ revision: 2 }),
      id({ state: 'resolved' }),
      id({ id: 'b' }),
      id({}, 1),
    ];
    assert.equal(new Set(all).size, all.length);
  });
});
