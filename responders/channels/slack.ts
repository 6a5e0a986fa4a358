/**
 * Slack's incoming webhooks (docs.slack.dev): POST {text, blocks}, 200 `ok`, errors as plain text, about one message
 * a second. A message cannot be changed: what is news is said again.
 *
 * Limits: 50 blocks, header 150, section 3,000, 10 fields of 2,000. Others' text stands in `plain_text` elements,
 * which know no links and no marks, and in all of them &, < and > are escaped.
 */
import { z } from 'zod';
import type { Alert, Channel, ChannelKind, ChannelMessage, SendResult } from '../../core/alert.ts';
import { type Answer, address, post, resultOf } from './post.ts';
import { andMore, clip, clipLines, markOf, messageId } from './texts.ts';

const config = z.strictObject({
  url: address.describe('Address of the incoming webhook: a secret.'),
});
type Config = z.infer<typeof config>;

const HEADER_MAX = 150;
const SECTION_MAX = 3000;
/** Of `text`, which notifications and old clients show. */
const FALLBACK_MAX = 3000;

export const slack = {
  kind: 'slack',
  summary: 'incoming webhook of Slack',
  config,
  create({ url }: Config, tools): Channel {
    const { name } = tools;
    return Object.freeze({
      name,
      kind: 'slack',
      perSecond: 1,
      alertsMax: 10,
      waitingMax: 1,
      replaces: false,

      render(alerts: readonly Alert[], more: number): ChannelMessage {
        return {
          id: messageId(name, alerts, more),
          body: JSON.stringify({
            text: fallbackOf(alerts, more),
            blocks: alerts.length === 1 && more === 0 ? detailed(alerts[0]!) : listed(alerts, more),
            // No name in the fallback becomes a mention, and no address in it is fetched.
            link_names: false,
            unfurl_links: false,
            unfurl_media: false,
          }),
          headers: { 'content-type': 'application/json; charset=utf-8' },
        };
      },

      async send(message: ChannelMessage, signal: AbortSignal): Promise<SendResult> {
        const answer = await post(url, message, { signal, now: () => tools.now() });
        return 'sent' in answer ? answer : judge(answer);
      },
    });
  },
} as const satisfies ChannelKind<Config>;

/** Anything else than `ok`, e.g. the page of a proxy, was not Slack. */
function judge(answer: Answer): SendResult {
  const word = answer.text.trim();
  if (answer.status === 200) {
    if (word === 'ok') return { sent: true };
    return { sent: false, permanent: false, reason: 'answered, but not as Slack does' };
  }
  const isWord = /^[a-z_]{2,64}$/.test(word);
  return resultOf(answer, isWord ? `${answer.status} ${word}` : `status ${answer.status}`);
}

interface Text {
  readonly type: 'plain_text' | 'mrkdwn';
  readonly text: string;
  readonly emoji?: false;
  readonly verbatim?: true;
}
type Block = Readonly<Record<string, unknown>> & { readonly type: string };

function detailed(alert: Alert): Block[] {
  const blocks: Block[] = [{ type: 'header', text: plain(headOf(alert), HEADER_MAX) }];
  if (alert.text !== '') blocks.push(section(plainLines(alert.text, SECTION_MAX)));
  const fields = alert.facts.slice(0, 10).map(([name, value]) => {
    return plainLines(`${clip(name, 60)}\n${clip(value, 300)}`, 400);
  });
  if (fields.length > 0) blocks.push({ type: 'section', fields });
  const done = alert.done.slice(-10).map((line) => `✓ ${clip(line, 280)}`);
  if (done.length > 0) blocks.push(section(plainLines(done.join('\n'), SECTION_MAX)));
  if (alert.undo !== undefined) blocks.push(section(undoOf(alert.undo)));
  blocks.push(footer(alert.id));
  return blocks;
}

/** Ten alerts: 22 blocks at most. */
function listed(alerts: readonly Alert[], more: number): Block[] {
  const total = (alerts.length + more).toLocaleString('en-GB');
  const [first] = alerts;
  const kind = first === undefined || alerts.some((a) => a.kind !== first.kind) ? '' : first.kind;
  const blocks: Block[] = [{ type: 'header', text: plain(`${total} ${kind} alerts`, HEADER_MAX) }];
  for (const alert of alerts) {
    const lines = [headOf(alert), alert.text.split('\n')[0]!, ...alert.done.slice(-2)];
    blocks.push(section(plainLines(lines.map((line) => clip(line, 300)).join('\n'), SECTION_MAX)));
    if (alert.undo !== undefined) blocks.push(section(undoOf(alert.undo)));
  }
  if (more > 0) blocks.push(section(ours(`*${andMore(more)}*: \`keyhound incidents\``)));
  return blocks;
}

function headOf(alert: Alert): string {
  return `${markOf(alert)}: ${alert.title}`;
}

function fallbackOf(alerts: readonly Alert[], more: number): string {
  const lines = alerts.map((alert) => escaped(clip(`[${markOf(alert)}] ${alert.title}`, 250)));
  if (more > 0) lines.push(andMore(more));
  const text = lines.join('\n');
  return text.length <= FALLBACK_MAX ? text : `${lines[0]}\n${andMore(alerts.length - 1 + more)}`;
}

function section(text: Text): Block {
  return { type: 'section', text };
}

function footer(id: string): Block {
  return { type: 'context', elements: [plain(id, 200)] };
}

/** In a code mark of ours; a ` of theirs would end it. */
function undoOf(undo: string): Text {
  return ours(`Undo: \`${escaped(clip(undo, 400).replaceAll('`', '’'))}\``);
}

/** Our own words, with marks; `verbatim` keeps Slack from making links of what is in them. */
function ours(text: string): Text {
  return { type: 'mrkdwn', text, verbatim: true };
}

function plain(text: string, lengthMax: number): Text {
  return { type: 'plain_text', text: fitted(clip(text, lengthMax), lengthMax), emoji: false };
}

function plainLines(text: string, lengthMax: number): Text {
  return { type: 'plain_text', text: fitted(clipLines(text, lengthMax), lengthMax), emoji: false };
}

/** Escaping makes longer: shorter until it fits, never through the middle of an escape. */
function fitted(text: string, lengthMax: number): string {
  let length = text.length;
  let safe = escaped(text);
  while (safe.length > lengthMax) {
    length -= Math.max(1, Math.ceil((safe.length - lengthMax) / 5));
    safe = `${escaped(text.slice(0, length).toWellFormed())}…`;
  }
  return safe === '' ? '–' : safe;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
