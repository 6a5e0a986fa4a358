/** A receiver of Standard Webhooks that checks what the specification tells receivers to; signs on its own. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  type ReceivedRequest,
  type Receiver,
  type ReceiverAnswer,
  startReceiver,
} from './receiver.ts';

export interface WebhookReceiver extends Receiver {
  /** Good messages by their id: a repeat counts once. */
  readonly messages: ReadonlyMap<string, WebhookBody>;
  repeats: number;
}

export interface WebhookBody {
  readonly type: string;
  readonly timestamp: string;
  readonly data: {
    readonly alerts: readonly {
      readonly id: string;
      readonly revision: number;
      readonly title: string;
    }[];
    readonly more: number;
  };
}

/** `now` gives epoch ms. */
export async function startWebhookReceiver(
  secret: string,
  now: () => number,
): Promise<WebhookReceiver> {
  const messages = new Map<string, WebhookBody>();
  const receiver = await startReceiver((request) => {
    const refusal = refuse(request, secret, now());
    if (refusal !== undefined) return refusal;
    const id = String(request.headers['webhook-id']);
    if (messages.has(id)) all.repeats++;
    messages.set(id, JSON.parse(request.body) as WebhookBody);
    return { status: 204 };
  });
  const all = Object.assign(receiver, { messages, repeats: 0 });
  return all;
}

function refuse(request: ReceivedRequest, secret: string, now: number): ReceiverAnswer | undefined {
  const { method, headers, body } = request;
  if (method !== 'POST') return { status: 405 };
  if (headers['content-type'] !== 'application/json') return { status: 415 };
  if (Buffer.byteLength(body) > 20_480) return { status: 413 };
  const id = String(headers['webhook-id'] ?? '');
  const timestamp = String(headers['webhook-timestamp'] ?? '');
  const expected = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .update(`${id}.${timestamp}.${body}`)
    .digest('base64');
  const given = String(headers['webhook-signature'] ?? '').split(' ');
  const fits = given.some((part) => {
    const [version, value = ''] = part.split(',');
    if (version !== 'v1' || value.length !== expected.length) return false;
    return timingSafeEqual(Buffer.from(value), Buffer.from(expected));
  });
  if (!fits) return { status: 401 };
  if (Math.abs(now / 1000 - Number(timestamp)) > 300) return { status: 400 };
  const message = JSON.parse(body) as Partial<WebhookBody>;
  const isTyped = /^[A-Za-z0-9_.]{1,128}$/.test(message.type ?? '');
  const isTimed = !Number.isNaN(Date.parse(message.timestamp ?? ''));
  return isTyped && isTimed && message.data !== undefined ? undefined : { status: 422 };
}
