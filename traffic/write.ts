/** The written forms of a request: a line each, without its end; and what Keyhound will call the key there. */
import { createHmac } from 'node:crypto';
import type { KeyProfile, TrafficEvent } from './contract.ts';
import { awsApigatewayLine, cloudtrailLine } from './formats/aws.ts';
import { combinedLine } from './formats/combined.ts';
import { jsonLine } from './formats/json.ts';
import { keyhoundLine } from './formats/keyhound.ts';
import { kongLine } from './formats/kong.ts';

export const FORMAT_NAMES = [
  'kong',
  'nginx',
  'combined',
  'keyhound',
  'cloudtrail',
  'aws-apigateway',
  'json',
] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export type Writer = (event: TrafficEvent) => string;

export const WRITERS: Readonly<Record<FormatName, Writer>> = Object.freeze({
  kong: kongLine,
  nginx: combinedLine,
  combined: combinedLine,
  keyhound: keyhoundLine,
  cloudtrail: cloudtrailLine,
  'aws-apigateway': awsApigatewayLine,
  json: jsonLine,
});

/** `--key` for the formats that do not say where the key is. */
export const KEY_SPECS: Readonly<Partial<Record<FormatName, string>>> = Object.freeze({
  nginx: 'query:api_key',
  combined: 'query:api_key',
  json: 'field:api_key',
});

/**
 * Id of a key as Keyhound shows it for records of a format. Undefined where the log holds the raw key and
 * no pepper is given: then only the installation that reads the log can tell.
 */
export function subjectIdOf(
  key: KeyProfile,
  format: FormatName,
  pepper: string | undefined,
): string | undefined {
  switch (format) {
    case 'kong':
      return `kong:${key.credentialId}`;
    case 'keyhound':
      return `keyhound:${key.credentialId}`;
    case 'cloudtrail':
      return `aws:${key.accessKeyId}`;
    case 'aws-apigateway':
      return `aws:${key.apiKeyId}`;
    default:
      return pepper === undefined ? undefined : `h:${hmacOf(key.rawKey, pepper)}`;
  }
}

/** First 128 bits of HMAC-SHA-256 under the pepper's text, in hex. */
function hmacOf(rawKey: string, pepper: string): string {
  return createHmac('sha256', pepper.trim()).update(rawKey).digest('hex').slice(0, 32);
}
