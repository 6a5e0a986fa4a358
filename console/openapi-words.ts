/** Words that descriptions of the API are made of. */
import { LIMIT_DEFAULT, LIMIT_MAX } from './query.ts';

export type Json = Readonly<Record<string, unknown>>;

export const LIMIT = query('limit', 'How many at most.', {
  type: 'integer',
  minimum: 1,
  maximum: LIMIT_MAX,
  default: LIMIT_DEFAULT,
});
export const ID: Json = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Percent-encoded.',
  schema: { type: 'string', maxLength: 512 },
};

export function body(required: readonly string[], properties: Json): Json {
  const schema = { type: 'object', required, additionalProperties: false, properties };
  return { required: true, content: { 'application/json': { schema } } };
}

export function open(summary: string, type = 'application/json'): Json {
  return { summary, responses: { 200: answer('Answer.', type) } };
}

export function guarded(summary: string, parameters: readonly Json[], ...failures: number[]): Json {
  const responses: Record<number, Json> = { 200: answer('Answer.') };
  for (const status of [400, 401, 421, ...failures, 503]) responses[status] = failure();
  return { summary, security: [{ token: [] }], parameters, responses };
}

export function answer(description: string, type = 'application/json'): Json {
  return { description, content: { [type]: {} } };
}

function failure(): Json {
  const schema = { $ref: '#/components/schemas/Error' };
  return { description: 'Refused.', content: { 'application/json': { schema } } };
}

export function query(name: string, description: string, schema: Json): Json {
  return { name, in: 'query', description, schema };
}
