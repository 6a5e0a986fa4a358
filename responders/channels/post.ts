/** One HTTP POST of a channel, and what its answer means. Addresses are secrets: no reason repeats them. */
import { z } from 'zod';
import type { ChannelMessage, SendResult } from '../../core/alert.ts';
import { readRetryAfter } from './retry-after.ts';

const TRY_MS_MAX = 10_000;
/** Of an answer; error texts are short. */
const ANSWER_BYTES_MAX = 2048;

/** `http:` is for receivers in the own network, and says so in the docs. */
export const address = z
  .string()
  .refine(isAddress, 'must be an http or https address without user and password');

function isAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || url.protocol === 'http:';
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs?: number;
}

export interface PostTools {
  readonly signal: AbortSignal;
  now(): number;
}

/** Follows no redirect, never throws; a SendResult when no answer came. */
export async function post(
  url: string,
  message: Pick<ChannelMessage, 'body' | 'headers'>,
  { signal, now }: PostTools,
): Promise<Answer | SendResult> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: message.headers,
      body: message.body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TRY_MS_MAX)]),
    });
    const retryAfterMs = readRetryAfter(answer.headers.get('retry-after'), now());
    const text = await readStart(answer);
    return { status: answer.status, text, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  } catch (error) {
    return { sent: false, permanent: false, reason: reasonOf(error) };
  }
}

async function readStart({ body }: Response): Promise<string> {
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString('utf8');
}

/** The code of a network error, e.g. ECONNREFUSED; the message may hold the address. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error.name === 'AbortError') return 'stopped';
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^[A-Z0-9_]{3,64}$/.test(code) ? code : 'no connection';
}

/** What a status means where the receiver has no words of its own. */
export function resultOf(
  { status, retryAfterMs }: Answer,
  reason = `status ${status}`,
): SendResult {
  if (status >= 200 && status < 300) return { sent: true };
  const permanent = status < 500 && status !== 408 && status !== 425 && status !== 429;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { sent: false, permanent, reason, ...wait };
}
