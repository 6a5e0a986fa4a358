/** All kinds of gateways. A kind that is not here cannot be configured. */
import type { GatewayKind } from '../../core/gateway.ts';
import { apisix } from './apisix.ts';
import { envoy, traefik } from './asking.ts';
import { awsApiGateway } from './aws-apigateway.ts';
import { awsIam } from './aws-iam.ts';
import { caddy } from './caddy.ts';
import { decide } from './decide.ts';
import { haproxy } from './haproxy.ts';
import { kong } from './kong.ts';
import { nginx } from './nginx.ts';
import { tyk } from './tyk.ts';
import { unkey } from './unkey.ts';
import { webhookGateway } from './webhook.ts';

export const GATEWAY_KINDS: readonly GatewayKind[] = Object.freeze([
  decide,
  kong,
  apisix,
  tyk,
  unkey,
  nginx,
  haproxy,
  caddy,
  envoy,
  traefik,
  awsApiGateway,
  awsIam,
  webhookGateway,
]);
