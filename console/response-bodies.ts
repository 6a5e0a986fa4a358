/** What callers may send about the response. */
import { z } from 'zod';
import { ACTION_STATES } from '../core/action.ts';
import { DECISION_STATES } from '../core/decision.ts';
import { VERBS } from '../core/response.ts';
import { instant, limit } from './query.ts';

const YEAR_MS = 365 * 86_400_000;
const reason = z.string().min(1).max(1000);
const by = z.string().min(1).max(128);

export const actionQuery = z.strictObject({
  limit,
  since: instant.optional(),
  state: z.enum(ACTION_STATES).optional(),
  gateway: z.string().min(1).max(64).optional(),
  subject: z.string().min(1).max(512).optional(),
});
export const decisionQuery = z.strictObject({
  limit,
  since: instant.optional(),
  state: z.enum(DECISION_STATES).optional(),
  subject: z.string().min(1).max(512).optional(),
});
export const commandBody = z.strictObject({
  verb: z.enum(VERBS),
  key: z.string().min(1).max(512),
  by,
  reason,
  forMs: z.int().min(1000).max(YEAR_MS).optional(),
  limit: z
    .strictObject({ requests: z.int().min(1), windowMs: z.int().min(1000).max(YEAR_MS) })
    .optional(),
  dryRun: z.boolean().optional(),
  falseAlarm: z.boolean().optional(),
  decision: z.string().min(1).max(64).optional(),
});
export const approvalBody = z.strictObject({
  verdict: z.enum(['approve', 'deny']),
  token: z.string().min(1).max(1024),
  reason: z.string().max(1000),
});
export const stopBody = z.strictObject({ stopped: z.boolean(), lift: z.boolean(), by, reason });
export const reconcileBody = z.strictObject({ fix: z.boolean(), by });
export const channelBody = z.strictObject({ name: z.string().min(1).max(64).optional() });
