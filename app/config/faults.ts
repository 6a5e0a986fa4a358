/** What zod says of a value, turned into faults with path, line, what is allowed and the nearest right key. */
import type { z } from 'zod';
import { suggest } from '../../core/suggest.ts';
import type { ConfigFault } from '../contract.ts';
import { type ConfigDocument, joinPath, type PathPart } from './document.ts';
import { type JsonSchema, propertiesAt } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** All faults of one validation. `base` is where the validated value stands in the document. */
export function faultsOf(
  issues: readonly Issue[],
  base: readonly PathPart[],
  document: ConfigDocument,
  schema: JsonSchema,
): ConfigFault[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...(issue.path as PathPart[])];
    if (issue.code === 'invalid_union') {
      return faultsOf(likeliestBranch(issue.errors), path, document, schema);
    }
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey(path, key, document, schema));
    }
    const { message, hint } = inWords(issue, document.valueAt(path));
    return [{ path: joinPath(path), line: document.line(path), message, hint }];
  });
}

/** Of a union's alternatives the one that got furthest: `[{id: …}]` is meant as a list, not as a path. */
function likeliestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const wrongType = (branch: readonly Issue[]): boolean =>
    branch.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type');
  const branch = branches.find((candidate) => !wrongType(candidate));
  if (branch !== undefined) return branch;
  const expected = branches.flatMap((candidate) =>
    candidate.flatMap((issue) => (issue.code === 'invalid_type' ? [issue.expected] : [])),
  );
  const message = `must be ${expected.map(typeInWords).join(' or ')}`;
  return [{ code: 'custom', path: [], message, input: undefined } as Issue];
}

function unknownKey(
  path: readonly PathPart[],
  key: string,
  document: ConfigDocument,
  schema: JsonSchema,
): ConfigFault {
  const known = propertiesAt(schema, path);
  const nearest = suggest(key, known);
  return {
    path: joinPath([...path, key]),
    line: document.keyLine(path, key),
    message: 'unknown key',
    hint: nearest === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${nearest}?`,
  };
}

interface Words {
  readonly message: string;
  readonly hint?: string;
}

function inWords(issue: Issue, value: unknown): Words {
  switch (issue.code) {
    case 'invalid_type':
      return { message: missingOr(issue) };
    case 'invalid_value':
      return oneOf(issue.values.map(String), value);
    case 'too_small':
      return { message: bound(issue.origin, 'at least', Number(issue.minimum)) };
    case 'too_big':
      return { message: bound(issue.origin, 'at most', Number(issue.maximum)) };
    case 'invalid_format':
      return { message: formatInWords(issue) };
    default:
      return { message: issue.message };
  }
}

function oneOf(choices: readonly string[], value: unknown): Words {
  const nearest = typeof value === 'string' ? suggest(value, choices) : undefined;
  return {
    message: `must be one of ${choices.join(', ')}`,
    ...(nearest === undefined ? {} : { hint: `Did you mean ${nearest}?` }),
  };
}

function missingOr(issue: Extract<Issue, { code: 'invalid_type' }>): string {
  const expected = typeInWords(issue.expected);
  return issue.message.endsWith('received undefined')
    ? `is missing: ${expected}`
    : `must be ${expected}`;
}

function bound(origin: string, words: string, limit: number): string {
  const number = limit.toLocaleString('en-US');
  if (origin === 'string') return `must have ${words} ${number} characters`;
  if (origin === 'array')
    return `must have ${words} ${number} ${limit === 1 ? 'entry' : 'entries'}`;
  return `must be ${words} ${number}`;
}

function formatInWords(issue: Extract<Issue, { code: 'invalid_format' }>): string {
  if (issue.format === 'datetime') return 'must be an instant such as 2026-03-01T10:00:00Z';
  return issue.message.startsWith('must') ? issue.message : `must be made of ${issue.message}`;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};
function typeInWords(type: string): string {
  return TYPES[type] ?? type;
}
