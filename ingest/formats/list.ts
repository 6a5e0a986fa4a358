/** Every log format. A new one is one file, one fixture folder and one line here. */
import { KeyhoundError } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import { suggest } from '../../core/suggest.ts';
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
