/** `POST /decide/json`: for callers that are none of the gateways. */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { AskedUse } from './contract.ts';

const BODY_BYTES_MAX = 131_072;

/** What the caller is told; nothing of the body is quoted. */
export class BodyFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > BODY_BYTES_MAX) throw new BodyFault(413, 'The body is too large.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const bodySchema = z.object({
  key: z.string().min(1).optional(),
  keyId: z.string().min(1).max(320).optional(),
  clientIp: z.string().max(64).default(''),
  method: z.string().max(16).default(''),
  path: z.string().default(''),
});

export function useOfBody(body: Buffer): AskedUse {
  const { key, keyId, clientIp, method, path } = parsed(bodySchema, body);
  return {
    rawKeys: key === undefined ? [] : [latin1(key)],
    keyId,
    method,
    target: latin1(path),
    clientAddress: clientIp,
    forwardedFor: '',
  };
}

const loadSchema = z.object({ load: z.number().min(0).max(100) });

export function loadOfBody(body: Buffer): number {
  return parsed(loadSchema, body).load;
}

function parsed<T>(schema: z.ZodType<T>, body: Buffer): T {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new BodyFault(400, 'The body is no JSON.');
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const names = [...new Set(checked.error.issues.map(({ path }) => path.join('.')))].join(', ');
  throw new BodyFault(400, `Not as it should be: ${names === '' ? 'the body' : names}.`);
}

/** One character a byte, as headers come. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
