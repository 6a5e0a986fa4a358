/** The channel webhook against a receiver that checks what Standard Webhooks tells receivers to. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Alert, Channel } from '../../../core/alert.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../fakes/webhook-receiver.ts';
import { sampleAlert } from '../../support/response-samples.ts';
import { HOSTILE, makeChannel, NEVER, NOW, SECRET, STEERING } from './support.ts';

const OLD = `whsec_${Buffer.alloc(32, 6).toString('base64')}`;

describe('webhook', () => {
  let receiver: WebhookReceiver;
  before(async () => {
    receiver = await startWebhookReceiver(SECRET, () => NOW);
  });
  after(() => receiver.close());

  function make(secret: string | readonly string[] = SECRET): Channel {
    return makeChannel({ kind: 'webhook', url: `${receiver.url}/hook?of=ours`, secret });
  }

  test('a message is signed, and a repeat is known by its id', async () => {
    const channel = make();
    const message = channel.render([sampleAlert()], 3);
    assert.deepEqual(await channel.send(message, NEVER), { sent: true });
    assert.deepEqual(await channel.send(message, NEVER), { sent: true });
    assert.equal(receiver.repeats, 1);
    const body = receiver.messages.get(message.id)!;
    assert.equal(body.type, 'keyhound.incident');
    assert.equal(body.timestamp, '2026-03-01T10:00:00.000Z');
    assert.equal(body.data.more, 3);
    assert.equal(body.data.alerts[0]!.id, 'inc_1');
  });

  test('while the secret changes it is signed with both; with the old one alone it is refused', async () => {
    const message = make().render([sampleAlert({ revision: 2 })], 0);
    assert.deepEqual(await make([OLD, SECRET]).send(message, NEVER), { sent: true });
    const refused = await make(OLD).send(message, NEVER);
    assert.deepEqual(refused, { sent: false, permanent: true, reason: 'status 401' });
  });

  test('after 410 it is asked no more', async () => {
    const channel = make();
    const message = channel.render([sampleAlert()], 0);
    const before = receiver.requests.length;
    receiver.fail({ status: 410 });
    const gone = { sent: false, permanent: true, reason: 'the receiver is gone (410)' };
    assert.deepEqual(await channel.send(message, NEVER), gone);
    assert.deepEqual(await channel.send(message, NEVER), gone);
    assert.equal(receiver.requests.length, before + 1);
  });

  test('no redirect is followed', async () => {
    const before = receiver.requests.length;
    for (const status of [301, 302, 303, 307, 308]) {
      receiver.fail({ status, headers: { location: `${receiver.url}/elsewhere` } });
      const result = await make().send(make().render([sampleAlert()], 0), NEVER);
      assert.deepEqual(result, { sent: false, permanent: true, reason: `status ${status}` });
    }
    assert.ok(receiver.requests.slice(before).every(({ path }) => path === '/hook?of=ours'));
  });

  test('Retry-After is understood in both forms, and no longer than an hour', async () => {
    for (const [text, retryAfterMs] of [
      ['120', 120_000],
      ['1.5', 1500],
      ['Sun, 01 Mar 2026 10:00:30 GMT', 30_000],
      ['Sun, 01 Mar 2026 09:00:00 GMT', 0],
      ['99999999', 3_600_000],
      ['soon', undefined],
    ] as const) {
      receiver.fail({ status: 503, headers: { 'retry-after': text } });
      const result = await make().send(make().render([sampleAlert()], 0), NEVER);
      assert.ok(!result.sent && !result.permanent);
      assert.equal(result.retryAfterMs, retryAfterMs, text);
    }
  });

  test('however much there is to say, a body stays under 20,000 bytes and counts what it leaves out', async () => {
    const channel = make();
    for (const text of ['€'.repeat(9000), 'a\n'.repeat(9000), HOSTILE.repeat(100)]) {
      const facts = Array.from({ length: 40 }, () => [text, text] as const);
      const done = Array.from({ length: 40 }, () => text);
      const alerts: Alert[] = Array.from({ length: 10 }, (_, i) =>
        sampleAlert({ id: `inc_${i}`, title: text, text, facts, done }),
      );
      const message = channel.render(alerts, 5);
      assert.ok(Buffer.byteLength(message.body) <= 20_000);
      assert.deepEqual(await channel.send(message, NEVER), { sent: true });
      const { data } = receiver.messages.get(message.id)!;
      assert.equal(data.alerts.length + data.more, 15);
      assert.ok(data.alerts.length > 0);
    }
  });

  test('no control character of an attacker passes', () => {
    const { body } = make().render([sampleAlert({ title: HOSTILE, text: HOSTILE })], 0);
    assert.doesNotMatch(body, STEERING);
  });
});
