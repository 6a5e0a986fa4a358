/** Every log format, and which one a file is in. A new format is one file, one fixture folder and one line here. */
import { KeyhoundError } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import { suggest } from '../../core/suggest.ts';
import { foreignKind } from '../foreign.ts';
import { apisix } from './apisix.ts';
import { awsAlb } from './aws-alb.ts';
import { awsApigateway } from './aws-apigateway.ts';
import { azureApim } from './azure-apim.ts';
import { caddy } from './caddy.ts';
import { cloudflare } from './cloudflare.ts';
import { cloudtrail } from './cloudtrail.ts';
import { combined } from './combined.ts';
import { envoy } from './envoy.ts';
import { haproxy } from './haproxy.ts';
import { json } from './json.ts';
import { keyhound } from './keyhound.ts';
import { kong } from './kong.ts';
import { nginx } from './nginx.ts';
import { traefik } from './traefik.ts';
import { tyk } from './tyk.ts';

/** In order of preference where two recognise a file equally well. */
export const FORMATS: readonly Format[] = Object.freeze([
  kong,
  nginx,
  combined,
  cloudtrail,
  awsApigateway,
  awsAlb,
  azureApim,
  cloudflare,
  haproxy,
  apisix,
  tyk,
  envoy,
  traefik,
  caddy,
  json,
  keyhound,
]);

/** Throws a usage error that names the nearest right word. */
export function formatById(id: string): Format {
  const found = FORMATS.find((format) => format.id === id);
  if (found !== undefined) return found;
  const ids = FORMATS.map((format) => format.id);
  const nearest = suggest(id, ids);
  throw new KeyhoundError(
    'usage',
    `"${id}" is no log format.${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`,
    { code: 'unknown-format', hint: `Formats: ${ids.join(', ')}.` },
  );
}

export interface Candidate {
  readonly id: string;
  readonly confidence: number;
  readonly why: string;
}

export interface Detection {
  /** Undefined when no format is likely enough. */
  readonly format: Format | undefined;
  /** In words that a person can check against the file. */
  readonly why: string;
  /** Every format tried, most likely first. */
  readonly candidates: readonly Candidate[];
}

/** Below this a format is a guess, and a guess must be asked for by name. */
const CONFIDENCE_MIN = 0.5;

/** Says which format the beginning of a file (at most 64 KiB are looked at) is in, and why. */
export function detectFormat(sample: Uint8Array): Detection {
  const head = sample.subarray(0, 65_536);
  const candidates = FORMATS.map((format) => ({ id: format.id, ...format.recognise(head) })).sort(
    (a, b) => b.confidence - a.confidence,
  );
  const best = candidates[0]!;
  if (best.confidence >= CONFIDENCE_MIN) {
    return { format: formatById(best.id), why: best.why, candidates };
  }
  return { format: undefined, why: `no format fits (${missed(head, candidates)})`, candidates };
}

/** What each format missed; formats that miss the same stand together. */
function missed(head: Uint8Array, candidates: readonly Candidate[]): string {
  const foreign = foreignKind(head);
  if (foreign !== undefined) return `it is ${foreign}`;
  const idsByWhy = Map.groupBy(candidates, ({ why }) => why);
  return [...idsByWhy]
    .map(([why, those]) => `${those.map(({ id }) => id).join(', ')}: ${why}`)
    .join('; ');
}
