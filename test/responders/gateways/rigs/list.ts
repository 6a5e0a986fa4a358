/** Rigs of the conformance suite, by the title that their tests have. */
import type { RigKind } from '../rig.ts';
import * as apisix from './apisix.ts';
import * as awsApiGateway from './aws-apigateway.ts';
import * as awsIam from './aws-iam.ts';
import * as caddy from './caddy.ts';
import * as haproxy from './haproxy.ts';
import * as kong from './kong.ts';
import * as nginx from './nginx.ts';
import * as tyk from './tyk.ts';
import * as unkey from './unkey.ts';
import * as webhook from './webhook.ts';

export const RIGS: readonly (readonly [title: string, rig: RigKind])[] = [
  ['kong', kong.rig],
  ['apisix', apisix.rig],
  ['tyk', tyk.rig],
  ['unkey', unkey.rig],
  ['nginx', nginx.rig],
  ['haproxy', haproxy.rig],
  ['caddy', caddy.rig],
  ['aws-apigateway', awsApiGateway.rig],
  ['aws-iam', awsIam.rig],
  ['webhook', webhook.rig],
];

/** The same kinds in other circumstances. */
export const MORE_RIGS: readonly (readonly [title: string, rig: RigKind])[] = [
  ['kong, a key alone', kong.alone],
  ['tyk, a key of a policy', tyk.managed],
];

/** Kinds that the suite does not try, each with the reason. */
export const WITHOUT_RIG: Readonly<Record<string, string>> = {
  decide: 'its own tests do: it calls nobody, and knows every key',
  envoy: 'it is decide under another name',
  traefik: 'it is decide under another name',
};
