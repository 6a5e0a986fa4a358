/** What callers may send, checked before anything is looked up. */
import path from 'node:path';
import { z } from 'zod';
import {
  CLOSED_AS,
  type CloseRequest,
  type RemovalRequest,
  type RuleRequest,
} from '../core/control.ts';
import { KeyhoundError } from '../core/errors.ts';
import { SEVERITIES } from '../core/finding.ts';
import type { IncidentFilter } from '../core/store.ts';
import type { KeyFilter } from './contract.ts';

export const LIMIT_DEFAULT = 100;
export const LIMIT_MAX = 10_000;
/** Ten years. */
const FOR_MS_MAX = 3650 * 86_400_000;

export const limit = z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT_DEFAULT);
/** RFC 3339, or epoch ms. */
export const instant = z.union([
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);

const incidentQuery = z.strictObject({
  limit,
  since: instant.optional(),
  severity: z.enum(SEVERITIES).optional(),
  open: z.enum(['true', 'false']).optional(),
  subject: z.string().min(1).max(512).optional(),
});

const keyQuery = z.strictObject({
  limit,
  since: instant.optional(),
  prefix: z.string().min(1).max(512).optional(),
  consumer: z.string().min(1).max(256).optional(),
});

const backupBody = z.strictObject({
  folder: z
    .string()
    .min(1)
    .max(4096)
    .refine((folder) => path.isAbsolute(folder), 'must be an absolute path'),
});

/** Who says so, and why: recorded, not checked. */
const said = {
  by: z.string().min(1).max(256).default('api'),
  reason: z.string().min(1).max(1024),
};
const forMs = z.int().min(1000).max(FOR_MS_MAX).exactOptional();
const ruleBody = z.strictObject({
  subject: z.string().min(1).max(512).exactOptional(),
  label: z.string().min(1).max(128).exactOptional(),
  consumer: z.string().min(1).max(256).exactOptional(),
  detector: z.string().min(1).max(64).exactOptional(),
  place: z.string().min(2).max(64).exactOptional(),
  forMs,
  ...said,
});
const removalBody = z.strictObject(said);
const closeBody = z.strictObject({
  as: z.enum(CLOSED_AS),
  forMs,
  by: said.by,
  reason: z.string().max(1024).default(''),
});

export function readRule(body: unknown): Omit<RuleRequest, 'kind'> {
  return read(ruleBody, body);
}

export function readRemoval(body: unknown): Omit<RemovalRequest, 'kind' | 'id'> {
  return read(removalBody, body);
}

export function readClose(body: unknown): CloseRequest {
  return read(closeBody, body);
}

export function readIncidentFilter(query: unknown): IncidentFilter {
  const { limit, since, severity, open, subject } = read(incidentQuery, query);
  return {
    limit,
    ...(since === undefined ? {} : { sinceAt: since }),
    ...(severity === undefined ? {} : { severity }),
    ...(open === undefined ? {} : { open: open === 'true' }),
    ...(subject === undefined ? {} : { subjectId: subject }),
  };
}

export function readKeyFilter(query: unknown): KeyFilter {
  const { limit, since, prefix, consumer } = read(keyQuery, query);
  return {
    limit,
    ...(since === undefined ? {} : { sinceAt: since }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(consumer === undefined ? {} : { consumer }),
  };
}

export function readBackupFolder(body: unknown): string {
  return read(backupBody, body).folder;
}

/** All faults at once, by name; values are not repeated. */
export function read<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const name = issue.code === 'unrecognized_keys' ? 'unknown name' : issue.path.join('.');
    return name === '' ? issue.message : `${name}: ${issue.message}`;
  });
  throw new KeyhoundError('usage', faults.join('; '), {
    code: 'request-invalid',
    hint: '/openapi.json lists what can be sent.',
  });
}
