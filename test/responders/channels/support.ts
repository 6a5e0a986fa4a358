/** Channels made from settings as an operator writes them, with a clock that stands still. */
import type { Channel } from '../../../core/alert.ts';
import { channelSchema } from '../../../core/config-response.ts';
import { createChannel } from '../../../responders/channels/list.ts';

export const NOW = Date.parse('2026-03-01T10:00:00.000Z');
export const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

export function makeChannel(
  settings: Readonly<Record<string, unknown>>,
  log: (facts: object, text: string) => void = () => {},
): Channel {
  const config = channelSchema.parse({ name: 'on-call', ...settings });
  return createChannel(config, { now: () => NOW, log });
}

export const NEVER = new AbortController().signal;

/** What an attacker writes into a path, in the hope that somebody's screen obeys. */
export const HOSTILE = [
  '<!channel> <https://evil.example|click here> <@U123>',
  '*bold* `code` &amp; <script>alert(1)</script>',
  'GET /a\r\nHTTP/1.1 200\r\nX: 1 \u001b[2J \u202egnp.exe \u0000',
].join(' ');

/** In JSON: line breaks that start a line of their own in a log or a header, controls, bidi, invisible characters. */
export const STEERING = /\\r|\\u00|[\p{Cc}\p{Cf}]/u;
