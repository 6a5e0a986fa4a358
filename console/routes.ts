/** Everything below /api/v1. */
import type { FastifyInstance } from 'fastify';
import { toIso } from '../core/clock.ts';
import type { RuleKind } from '../core/control.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { UsageRow } from '../core/store.ts';
import type { ConsoleData, KeyLine, KeyLookup } from './contract.ts';
import {
  readBackupFolder,
  readClose,
  readIncidentFilter,
  readKeyFilter,
  readRemoval,
  readRule,
} from './query.ts';
import { responseRoutes } from './response-routes.ts';

interface ById {
  Params: { id: string };
}

export function apiRoutes(api: FastifyInstance, data: ConsoleData): void {
  api.get('/summary', () => data.summary());
  api.get('/incidents', async (request) => ({
    incidents: await data.incidents(readIncidentFilter(request.query)),
  }));
  api.get<ById>('/incidents/:id', async (request) =>
    found(await data.incident(request.params.id), 'incident'),
  );
  api.get('/keys', async (request) => ({ keys: await data.keys(readKeyFilter(request.query)) }));
  api.get<ById>('/keys/:id', async (request, reply) => {
    const lookup = await data.key(request.params.id);
    // With the keys themselves, for clients that let a person choose.
    if (lookup.kind === 'ambiguous') return reply.code(409).send(ambiguous(lookup.candidates));
    return keyAnswer(lookup);
  });
  api.get<ById>('/explain/:id', async (request) =>
    found(await data.explain(request.params.id), 'incident or finding'),
  );
  api.post<ById>('/incidents/:id/close', async ({ params, body }) =>
    found(await data.closeIncident(params.id, readClose(body)), 'incident'),
  );
  if (data.response !== undefined) responseRoutes(api, data.response);
  ruleRoutes(api, data, 'silence', '/silences');
  ruleRoutes(api, data, 'allow', '/allowlist');
  api.post('/state/backup', async (request) => {
    const folder = readBackupFolder(request.body);
    await data.backup(folder);
    return { folder };
  });
}

function ruleRoutes(api: FastifyInstance, data: ConsoleData, kind: RuleKind, path: string): void {
  api.get(path, async () => ({ rules: await data.rules(kind) }));
  api.post(path, ({ body }) => data.addRule({ kind, ...readRule(body) }));
  api.post<ById>(`${path}/:id/remove`, async ({ params: { id }, body }) =>
    found(await data.removeRule({ kind, id, ...readRemoval(body) }), kind),
  );
}

function found<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new KeyhoundError('usage', `there is no ${what} with this id`, { code: 'not-found' });
}

function keyAnswer(lookup: Exclude<KeyLookup, { kind: 'ambiguous' }>): object {
  if (lookup.kind === 'found') return { key: lookup.key, usage: lookup.usage.map(usageLine) };
  throw new KeyhoundError('usage', 'there is no key with this id or label', {
    code: 'not-found',
    ...(lookup.nearest === undefined ? {} : { hint: `Did you mean ${lookup.nearest}?` }),
  });
}

function ambiguous(candidates: readonly KeyLine[]): object {
  const hint = `One of: ${candidates.map((key) => key.id).join(', ')}`;
  const error = { code: 'key-ambiguous', message: 'several keys have this label', hint };
  return { error, candidates };
}

function usageLine(row: UsageRow): object {
  const { requests, errors, bytesIn, bytesOut } = row;
  return { hourAt: toIso(row.hourAt), requests, errors, bytesIn, bytesOut };
}
