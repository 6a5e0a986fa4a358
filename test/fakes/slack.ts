/**
 * An incoming webhook of Slack as docs.slack.dev describes it: what it checks, its limits, its errors in plain
 * text. A message that it takes is kept as it would be read.
 */
import {
  type ReceivedRequest,
  type Receiver,
  type ReceiverAnswer,
  startReceiver,
} from './receiver.ts';

export const SLACK_PATH = '/services/T00000000/B00000000/made-up-secret';

export interface FakeSlack extends Receiver {
  /** Address of the webhook. */
  readonly webhook: string;
  readonly messages: SlackMessage[];
}

export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}
interface SlackText {
  readonly type: string;
  readonly text: string;
  readonly verbatim?: boolean;
}
export interface SlackBlock {
  readonly type: string;
  readonly text?: SlackText;
  readonly fields?: readonly SlackText[];
  readonly elements?: readonly SlackText[];
}

export async function startSlack(): Promise<FakeSlack> {
  const messages: SlackMessage[] = [];
  const receiver = await startReceiver((request) => {
    const refusal = refuse(request);
    if (refusal === undefined) messages.push(JSON.parse(request.body) as SlackMessage);
    return refusal ?? { status: 200, body: 'ok', headers: { 'content-type': 'text/html' } };
  });
  return Object.assign(receiver, { webhook: `${receiver.url}${SLACK_PATH}`, messages });
}

function refuse({ method, path, headers, body }: ReceivedRequest): ReceiverAnswer | undefined {
  if (method !== 'POST') return { status: 400, body: 'invalid_payload' };
  if (path !== SLACK_PATH) return { status: 404, body: 'no_service' };
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) {
    return { status: 400, body: 'invalid_payload' };
  }
  let message: unknown;
  try {
    message = JSON.parse(body);
  } catch {
    return { status: 400, body: 'invalid_payload' };
  }
  if (Object.keys(message as object).some((key) => !FIELDS.includes(key))) {
    return { status: 400, body: 'invalid_payload' };
  }
  const { text, blocks } = message as Partial<SlackMessage>;
  if (typeof text !== 'string' || text === '') return { status: 400, body: 'no_text' };
  if (text.length > 40_000) return { status: 400, body: 'msg_too_long' };
  if (!Array.isArray(blocks) || blocks.length === 0 || blocks.length > 50) return INVALID_BLOCKS;
  return blocks.every(isBlock) ? undefined : INVALID_BLOCKS;
}

/** What incoming webhooks are documented to take (node-slack-sdk, IncomingWebhookSendArguments). */
const FIELDS: readonly string[] = [
  ...['text', 'blocks', 'attachments', 'metadata', 'link_names', 'unfurl_links', 'unfurl_media'],
];
const INVALID_BLOCKS: ReceiverAnswer = { status: 400, body: 'invalid_blocks' };

function isBlock(block: SlackBlock): boolean {
  const { type, text, fields, elements } = block;
  if (type === 'header') return text?.type === 'plain_text' && isText(text, 150);
  if (type === 'context') return isList(elements, 10, 3000);
  if (type !== 'section') return false;
  if (text === undefined && fields === undefined) return false;
  return (
    (text === undefined || isText(text, 3000)) && (fields === undefined || isList(fields, 10, 2000))
  );
}

function isList(texts: readonly SlackText[] | undefined, max: number, length: number): boolean {
  if (texts === undefined || texts.length === 0 || texts.length > max) return false;
  return texts.every((text) => isText(text, length));
}

function isText(text: SlackText, lengthMax: number): boolean {
  const keys = Object.keys(text).filter((key) => key !== 'type' && key !== 'text');
  const allowed = text.type === 'mrkdwn' ? 'verbatim' : 'emoji';
  if (text.type !== 'mrkdwn' && text.type !== 'plain_text') return false;
  if (keys.some((key) => key !== allowed)) return false;
  return typeof text.text === 'string' && text.text !== '' && text.text.length <= lengthMax;
}

/** Everything of a message that Slack would act on: mentions, links and channels in < >. */
export function controlsOf({ text, blocks }: SlackMessage): string[] {
  const all = [text, ...textsOf(blocks)];
  return all.flatMap((part) => part.match(/<[^>]*>?/g) ?? []);
}

/** All texts of a message as a person reads them. */
export function readOf({ blocks }: SlackMessage): string {
  return textsOf(blocks)
    .map((text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'))
    .join('\n');
}

function textsOf(blocks: readonly SlackBlock[]): string[] {
  return blocks.flatMap(({ text, fields = [], elements = [] }) =>
    [...(text === undefined ? [] : [text]), ...fields, ...elements].map((part) => part.text),
  );
}
