/** All kinds of gateways. A kind that is not here cannot be configured. */
import type { GatewayKind } from '../../core/gateway.ts';
import { envoy, traefik } from './asking.ts';
import { decide } from './decide.ts';

export const GATEWAY_KINDS: readonly GatewayKind[] = Object.freeze([decide, envoy, traefik]);
