/** What an answer looks like on the wire. Nothing here says why: a thief may read it. */
import type { Answer } from './contract.ts';

export const JSON_TYPE = 'application/json';
export const PROBLEM_TYPE = 'application/problem+json';
const PROBLEMS = 'https://iana.org/assignments/http-problem-types';

/** Headers of any answer about a request, name and value in turn. Names and values are ours alone. */
export function commonHeaders(answer: Answer, out: string[]): void {
  out.push('X-Keyhound-Decision', answer.decision);
  if (answer.key !== '') out.push('X-Keyhound-Key', headerSafe(answer.key));
  if (answer.limits !== undefined) {
    out.push('RateLimit-Policy', answer.limits.policy, 'RateLimit', answer.limits.rate);
  }
  if (answer.sunsetAt !== undefined) out.push('Sunset', new Date(answer.sunsetAt).toUTCString());
}

/** A credential id may hold any printable character; a header may not. */
function headerSafe(id: string): string {
  // A hash, as most are.
  if (id.startsWith('h:')) return id;
  return PLAIN.test(id) ? id : encodeURI(id.toWellFormed());
}
const PLAIN = /^[\x21-\x7e]+$/;

export interface Body {
  readonly type: string;
  readonly text: string;
}

/** Body of a request that is throttled or refused. */
export function refusalBody(answer: Answer, accept: string): Body {
  const problem = accept.includes(PROBLEM_TYPE);
  const { use } = answer;
  const type = problem ? PROBLEM_TYPE : JSON_TYPE;
  if (answer.decision !== 'throttle' || use === undefined) {
    const text = problem ? FORBIDDEN_PROBLEM : FORBIDDEN;
    return { type, text };
  }
  const members = {
    error: 'rate_limit_exceeded',
    current_usage: use.used,
    limit: use.limit,
    reset_time: new Date(use.resetAt).toISOString(),
    retry_after: use.retryAfterSeconds,
  };
  if (!problem) return { type, text: JSON.stringify(members) };
  return {
    type,
    text: JSON.stringify({
      type: `${PROBLEMS}#quota-exceeded`,
      title: 'Too Many Requests',
      status: 429,
      'violated-policies': [use.layer],
      ...members,
    }),
  };
}

const FORBIDDEN = JSON.stringify({ error: 'forbidden' });
const FORBIDDEN_PROBLEM = JSON.stringify({ type: 'about:blank', title: 'Forbidden', status: 403 });
