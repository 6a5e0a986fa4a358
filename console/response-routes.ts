/** Below /api/v1: what was decided and done, and what people command. */
import type { FastifyInstance } from 'fastify';
import { KeyhoundError } from '../core/errors.ts';
import type { ResponseClient } from '../core/response.ts';
import { read } from './query.ts';
import {
  actionQuery,
  approvalBody,
  channelBody,
  commandBody,
  decisionQuery,
  reconcileBody,
  stopBody,
} from './response-bodies.ts';

interface ById {
  Params: { id: string };
}

export function responseRoutes(api: FastifyInstance, response: ResponseClient): void {
  api.get('/response', () => response.responseStatus());
  api.get('/actions', async ({ query }) => {
    const { since, subject, ...filter } = read(actionQuery, query);
    return { actions: await response.actions({ ...filter, ...ranged(since, subject) }) };
  });
  api.get<ById>('/actions/:id', async ({ params }) =>
    found(await response.action(params.id), 'action'),
  );
  api.get('/decisions', async ({ query }) => {
    const { since, subject, ...filter } = read(decisionQuery, query);
    return { decisions: await response.decisions({ ...filter, ...ranged(since, subject) }) };
  });
  api.get<ById>('/decisions/:id', async ({ params }) =>
    found(await response.decision(params.id), 'decision'),
  );
  api.post('/commands', ({ body }) => response.command(read(commandBody, body)));
  api.post<ById>('/decisions/:id/approval', async ({ params, body }) =>
    found(await response.approve(params.id, read(approvalBody, body)), 'decision'),
  );
  api.post('/actions/stop', ({ body }) => response.stop(read(stopBody, body)));
  api.post('/actions/reconcile', async ({ body }) => ({
    discrepancies: await response.reconcile(read(reconcileBody, body)),
  }));
  api.get('/audit/verification', async () => ({ chains: await response.verifyAudit() }));
  api.post('/channels/test', async ({ body }) => ({
    channels: await response.testChannels(read(channelBody, body).name),
  }));
}

function ranged(since: number | undefined, subject: string | undefined): object {
  return {
    ...(since === undefined ? {} : { sinceAt: since }),
    ...(subject === undefined ? {} : { subjectId: subject }),
  };
}

function found<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new KeyhoundError('usage', `there is no ${what} with this id`, { code: 'not-found' });
}
