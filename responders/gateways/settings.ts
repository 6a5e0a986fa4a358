/** Settings that the adapters of HTTP admin APIs have in common. */
import { z } from 'zod';

/** A header must not be able to begin another. */
const HEADER_VALUE = /^[\x20-\x7e]+$/;

export const urlSetting = z
  .url({ protocol: /^https?$/, error: 'must begin with http:// or https://' })
  .refine((url) => URL.parse(url)?.username === '', 'must not hold a user: use `headers`')
  .transform((url) => url.replace(/\/+$/, ''));

export const urlsSetting = (fallback: readonly string[]) =>
  z
    .array(urlSetting)
    .min(1)
    .max(64)
    .default([...fallback])
    .describe('Its nodes. Each is told; of several that share a database one is enough.');

export const tokenSetting = z
  .string()
  .regex(HEADER_VALUE, 'must be printable ASCII')
  .describe('Its token. Write ${env:NAME}, ${file:PATH} or ${vault:PATH#FIELD}.');

export const commonSettings = (settleMs: number, callsPerSecond: number) => ({
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]+$/), tokenSetting)
    .default({})
    .describe('Headers of every call, e.g. of a proxy in front of its API.'),
  timeoutMs: z.int().min(100).max(60_000).default(5000).describe('Time limit of one call, ms.'),
  settleMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(settleMs)
    .describe('Bound after which a change holds at every node, its caches included, ms.'),
  callsPerSecond: z
    .number()
    .min(0.1)
    .max(1000)
    .default(callsPerSecond)
    .describe('Calls a second that its API may be asked for.'),
});

export interface CommonSettings {
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly settleMs: number;
  readonly callsPerSecond: number;
}
