/** What was decided and done, and what people command, described. */
import { z } from 'zod';
import { ACTION_STATES } from '../core/action.ts';
import { DECISION_STATES } from '../core/decision.ts';
import { guarded, ID, type Json, LIMIT, query } from './openapi-words.ts';
import {
  approvalBody,
  channelBody,
  commandBody,
  reconcileBody,
  stopBody,
} from './response-bodies.ts';

const SINCE = query('since', 'Changed at or after: RFC 3339 or epoch ms.', { type: 'string' });
const SUBJECT = query('subject', 'Id of the key.', { type: 'string' });

export function responsePaths(): Json {
  return {
    '/api/v1/response': { get: guarded('Policy, gateways, and what stands.', []) },
    '/api/v1/actions': {
      get: guarded('Actions, the newest first.', [
        LIMIT,
        SINCE,
        query('state', 'Only in this state.', { type: 'string', enum: ACTION_STATES }),
        query('gateway', 'Only at this gateway.', { type: 'string' }),
        SUBJECT,
      ]),
    },
    '/api/v1/actions/{id}': { get: guarded('One action.', [ID], 404) },
    '/api/v1/actions/stop': {
      post: posted('The kill switch: no new action, or as the policy says again.', stopBody),
    },
    '/api/v1/actions/reconcile': {
      post: posted('Compares every gateway with what is to hold.', reconcileBody),
    },
    '/api/v1/decisions': {
      get: guarded('Decisions, the newest first.', [
        LIMIT,
        SINCE,
        query('state', 'Only in this state.', { type: 'string', enum: DECISION_STATES }),
        SUBJECT,
      ]),
    },
    '/api/v1/decisions/{id}': { get: guarded('One decision with its actions.', [ID], 404) },
    '/api/v1/decisions/{id}/approval': {
      post: {
        ...guarded('Approves or denies a decision that waits for a person.', [ID], 404),
        requestBody: bodyOf(approvalBody),
      },
    },
    '/api/v1/commands': {
      post: posted('Throttles, contains, suspends, revokes or restores a key.', commandBody),
    },
    '/api/v1/audit/verification': { get: guarded('The hash chains of the audit log.', []) },
    '/api/v1/channels/test': { post: posted('Sends a test message.', channelBody) },
  };
}

function posted(summary: string, schema: z.ZodType): Json {
  return { ...guarded(summary, []), requestBody: bodyOf(schema) };
}

function bodyOf(body: z.ZodType): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: 'input' });
  return { required: true, content: { 'application/json': { schema } } };
}
