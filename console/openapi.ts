/** The API described as OpenAPI 3.1: small, and kept true by a test that compares it with the routes. */
import { CLOSED_AS } from '../core/control.ts';
import { SEVERITIES } from '../core/finding.ts';
import { responsePaths } from './openapi-response.ts';
import { answer, body, guarded, ID, type Json, LIMIT, open, query } from './openapi-words.ts';

export function describeApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Keyhound', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: {
      ...probePaths(),
      ...incidentPaths(),
      ...rulePaths('/api/v1/silences', 'silence'),
      ...rulePaths('/api/v1/allowlist', 'entry of the allowlist'),
      ...keyPaths(),
      ...responsePaths(),
      ...statePaths(),
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: ERROR },
    },
  };
}

const ERROR: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        hint: { type: 'string' },
      },
    },
  },
};

function probePaths(): Json {
  return {
    '/': { get: open('What is here, as text.', 'text/plain') },
    '/healthz': { get: open('The process is up.') },
    '/readyz': {
      get: {
        ...open('It can do its work. `traffic` (none, live, silent) is told beside it.'),
        responses: {
          200: answer('Ready.'),
          503: answer('Not ready; `missing` lists what is missing.'),
        },
      },
    },
    '/metrics': { get: open('Prometheus metrics.', 'text/plain') },
    '/openapi.json': { get: open('This document.') },
  };
}

function incidentPaths(): Json {
  return {
    '/api/v1/incidents': {
      get: guarded('Incidents, latest change first.', [
        LIMIT,
        query('since', 'Changed at or after: RFC 3339 or epoch ms.', { type: 'string' }),
        query('severity', 'This severity or worse.', { type: 'string', enum: SEVERITIES }),
        query('open', 'Only open, or only closed ones.', { type: 'boolean' }),
        query('subject', 'Id of the subject.', { type: 'string' }),
      ]),
    },
    '/api/v1/incidents/{id}': { get: guarded('An incident and its findings.', [ID], 404) },
    '/api/v1/incidents/{id}/close': {
      post: {
        ...guarded('Closes an incident, also one that has closed by itself.', [ID], 404),
        requestBody: body(['as'], {
          as: { type: 'string', enum: CLOSED_AS },
          forMs: {
            ...FOR_MS,
            description: 'How long a false alarm is remembered. Default: 30 days.',
          },
          ...SAID,
        }),
      },
    },
    '/api/v1/explain/{id}': {
      get: guarded('An incident or finding, recomputed from its inputs.', [ID], 404),
    },
  };
}

function keyPaths(): Json {
  return {
    '/api/v1/keys': {
      get: guarded('Keys, in order of id.', [
        LIMIT,
        query('since', 'Used at or after: RFC 3339 or epoch ms.', { type: 'string' }),
        query('prefix', 'Begin of the id.', { type: 'string' }),
        query('consumer', 'Who owns the key.', { type: 'string' }),
      ]),
    },
    '/api/v1/keys/{id}': {
      get: guarded('A key, by id or label, and its usage by hour.', [ID], 404, 409),
    },
  };
}

function statePaths(): Json {
  return {
    '/api/v1/summary': { get: guarded('Counters since the start.', []) },
    '/api/v1/state/backup': {
      post: {
        ...guarded('Copies the state into a new folder of the machine that runs this.', [], 409),
        requestBody: body(['folder'], {
          folder: { type: 'string', description: 'Absolute path.' },
        }),
      },
    },
  };
}

const FOR_MS: Json = { type: 'integer', minimum: 1000, description: 'How long, ms.' };
const SAID: Json = {
  by: { type: 'string', description: 'Who says so. Recorded, not checked.', default: 'api' },
  reason: { type: 'string', maxLength: 1024 },
};

/** Silences and the allowlist are told alike. */
function rulePaths(path: string, noun: string): Json {
  const criteria = {
    subject: { type: 'string', description: 'Id of a subject.' },
    label: { type: 'string' },
    consumer: { type: 'string' },
    detector: { type: 'string' },
    place: { type: 'string', description: 'ISO 3166 country, or a network in CIDR notation.' },
  };
  return {
    [path]: {
      get: guarded(`Each ${noun} that holds now.`, []),
      post: {
        ...guarded(`A new ${noun}: what meets all of its criteria, at least one.`, []),
        requestBody: body(['reason'], { ...criteria, forMs: FOR_MS, ...SAID }),
      },
    },
    [`${path}/{id}/remove`]: {
      post: {
        ...guarded(`Ends the ${noun}.`, [ID], 404),
        requestBody: body(['reason'], SAID),
      },
    },
  };
}
