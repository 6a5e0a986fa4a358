/**
 * Any HTTP receiver, signed as Standard Webhooks.
 *
 *   {"type":"keyhound.KIND","timestamp":RFC3339,"data":{"alerts":[{id,revision,kind,state,severity,…}],"more":n}}
 *
 * An id that comes again with a higher revision replaces what was said of it. Texts are data, as they came from
 * whoever wrote a path or a label: the receiver escapes for its own sink. At most 20,000 bytes.
 */
import { z } from 'zod';
import type { Alert, Channel, ChannelKind, ChannelMessage, SendResult } from '../../core/alert.ts';
import { toIso } from '../../core/clock.ts';
import { decodeSecret, readSecrets, SECRET_HINT, signMessage } from '../standard-webhooks.ts';
import { address, post, resultOf } from './post.ts';
import { clip, clipLines, clipName, messageId } from './texts.ts';

const secret = z
  .string()
  .refine((text) => decodeSecret(text) !== undefined, `must be ${SECRET_HINT}`);

const config = z.strictObject({
  url: address.describe('Where it is sent.'),
  secret: z
    .union([secret, z.array(secret).min(1).max(4)])
    .describe('Secret of the signature; several while it changes.'),
});
type Config = z.infer<typeof config>;

const BODY_BYTES_MAX = 20_000;

export const webhook = {
  kind: 'webhook',
  summary: 'signed POST to a receiver of your own (Standard Webhooks)',
  config,
  create({ url, secret }: Config, tools): Channel {
    const { name } = tools;
    const secrets = readSecrets(secret);
    /** 410: the receiver wants nothing any more, until somebody changes the settings and starts again. */
    let isGone = false;
    return Object.freeze({
      name,
      kind: 'webhook',
      perSecond: 5,
      alertsMax: 10,
      waitingMax: 20,
      replaces: true,

      render(alerts: readonly Alert[], more: number): ChannelMessage {
        return {
          id: messageId(name, alerts, more),
          body: bodyOf(alerts, more),
          headers: { 'content-type': 'application/json' },
        };
      },

      async send(message: ChannelMessage, signal: AbortSignal): Promise<SendResult> {
        if (isGone) return GONE;
        const signed = signMessage(message, secrets, tools.now());
        const headers = { ...message.headers, ...signed };
        const now = (): number => tools.now();
        const answer = await post(url, { body: message.body, headers }, { signal, now });
        if ('sent' in answer) return answer;
        isGone = answer.status === 410;
        return isGone ? GONE : resultOf(answer);
      },
    });
  },
} as const satisfies ChannelKind<Config>;

const GONE: SendResult = { sent: false, permanent: true, reason: 'the receiver is gone (410)' };

/** What does not fit is first said shorter, then only counted. */
function bodyOf(alerts: readonly Alert[], more: number): string {
  for (const length of [2000, 500, 120]) {
    const body = bodyWith(alerts, more, length);
    if (Buffer.byteLength(body) <= BODY_BYTES_MAX) return body;
  }
  for (let count = alerts.length - 1; count > 0; count--) {
    const body = bodyWith(alerts.slice(0, count), more + alerts.length - count, 120);
    if (Buffer.byteLength(body) <= BODY_BYTES_MAX) return body;
  }
  return bodyWith([], more + alerts.length, 0);
}

function bodyWith(alerts: readonly Alert[], more: number, lengthMax: number): string {
  const at = Math.max(0, ...alerts.map((alert) => alert.at));
  const kinds = new Set(alerts.map(({ kind }) => kind));
  return JSON.stringify({
    type: `keyhound.${kinds.size === 1 ? [...kinds][0] : 'alerts'}`,
    timestamp: toIso(at),
    data: { alerts: alerts.map((alert) => asData(alert, lengthMax)), more },
  });
}

function asData(alert: Alert, lengthMax: number): object {
  const { id, revision, kind, state, severity, subject, consumer, undo } = alert;
  const short = Math.min(lengthMax, 300);
  return {
    id: clip(id, 200),
    ...{ revision, kind, state, severity },
    ...(subject === undefined ? {} : { subject: clipName(subject) }),
    ...(consumer === undefined ? {} : { consumer: clip(consumer, short) }),
    title: clip(alert.title, short),
    text: clipLines(alert.text, lengthMax),
    facts: alert.facts.slice(0, 20).map(([name, value]) => {
      return { name: clip(name, 60), value: clip(value, short) };
    }),
    done: alert.done.slice(-10).map((line) => clip(line, short)),
    ...(undo === undefined ? {} : { undo: clip(undo, 300) }),
    at: toIso(alert.at),
  };
}
