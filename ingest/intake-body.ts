/**
 * The body of a push → the bytes of its records: decompressed, and taken out of the envelopes that AWS puts
 * around them.
 *
 *   Firehose:   {"requestId":…,"timestamp":…,"records":[{"data":BASE64}]}
 *   CloudWatch: {"messageType":"DATA_MESSAGE",…,"logEvents":[{"message":TEXT}]}, gzipped, as such a `data`
 */
import { promisify } from 'node:util';
import { gunzip, inflate, zstdDecompress } from 'node:zlib';
import { compressionOf } from './sources/paths.ts';
import { ZstdFrames } from './sources/zstd-frames.ts';

/** Why a body is refused as a whole: with a status for the sender and a word that quotes nothing of it. */
export class BodyError extends Error {
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/** Decompresses by `Content-Encoding`. Throws BodyError 413 above `bytesMax`, 415, or 400. */
export async function decompress(
  body: Buffer,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return body;
  const options = { maxOutputLength: Math.max(1, bytesMax) };
  try {
    if (name === 'gzip' || name === 'x-gzip') return await gunzipped(body, options);
    if (name === 'deflate') return await inflated(body, options);
    if (name === 'zstd') return await unframed(body, bytesMax);
  } catch (cause) {
    if (cause instanceof BodyError) throw cause;
    if (isTooLarge(cause)) throw tooLarge(cause);
    throw new BodyError(400, `the body is not valid ${name}`, cause);
  }
  throw new BodyError(415, 'Content-Encoding must be gzip, zstd, deflate or identity');
}
const gunzipped = promisify(gunzip) as (body: Buffer, options: object) => Promise<Buffer>;
const inflated = promisify(inflate) as (body: Buffer, options: object) => Promise<Buffer>;
const unzstd = promisify(zstdDecompress) as (body: Buffer, options: object) => Promise<Buffer>;

/** Frame by frame, because Node reads only the first. */
async function unframed(body: Buffer, bytesMax: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let left = bytesMax;
  for (const frame of new ZstdFrames().cut(body)) {
    const part = await unzstd(frame, { maxOutputLength: Math.max(1, left) });
    left -= part.length;
    if (left < 0) throw tooLarge(undefined);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export interface FirehoseBody {
  readonly requestId: string;
  /** Each is to be cut into records by itself. */
  readonly parts: readonly Buffer[];
}

/** What stands for a record that cannot be taken out of its envelope: no format reads it, so it is counted. */
const UNREADABLE = Buffer.from('(unreadable in its envelope)');
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Takes the records out of Firehose's envelope. Throws BodyError 400 or 413. One that is damaged is counted and
 * costs no other: Firehose would send all of them again, and in the end none would arrive.
 */
export async function openFirehose(body: Buffer, bytesMax: number): Promise<FirehoseBody> {
  const envelope = parsed(body);
  const records = isObject(envelope) ? envelope['records'] : undefined;
  const requestId = isObject(envelope) ? envelope['requestId'] : undefined;
  if (!Array.isArray(records) || typeof requestId !== 'string') {
    throw new BodyError(400, 'the body is not a Firehose delivery');
  }
  const parts: Buffer[] = [];
  let left = bytesMax;
  for (const record of records) {
    const bytes = await recordOf(isObject(record) ? record['data'] : undefined, left);
    left -= bytes.length;
    if (left < 0) throw tooLarge(undefined);
    const messages = cloudWatchMessages(bytes);
    if (messages === undefined) parts.push(bytes);
    else parts.push(...messages);
  }
  return { requestId: requestId.slice(0, 256), parts };
}

async function recordOf(data: unknown, bytesMax: number): Promise<Buffer> {
  if (typeof data !== 'string' || !BASE64.test(data)) return UNREADABLE;
  const raw = Buffer.from(data, 'base64');
  if (compressionOf(raw) !== 'gzip') return raw;
  try {
    return await decompress(raw, 'gzip', bytesMax);
  } catch (error) {
    if (error instanceof BodyError && error.status === 400) return UNREADABLE;
    throw error;
  }
}

/** The messages of a CloudWatch subscription, none in its control messages; undefined: it is none. */
export function cloudWatchMessages(bytes: Buffer): Buffer[] | undefined {
  if (!bytes.subarray(0, 256).includes('"messageType"')) return undefined;
  const value = parsed(bytes);
  if (!isObject(value)) return undefined;
  if (value['messageType'] === 'CONTROL_MESSAGE') return [];
  const events = value['logEvents'];
  if (value['messageType'] !== 'DATA_MESSAGE' || !Array.isArray(events)) return undefined;
  return events.map((event: unknown) => {
    const message = isObject(event) ? event['message'] : undefined;
    return typeof message === 'string' ? Buffer.from(message) : UNREADABLE;
  });
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTooLarge(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
}

function tooLarge(cause: unknown): BodyError {
  return new BodyError(413, 'the body is too large after decompression', cause);
}
