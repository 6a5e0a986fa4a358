/** Rigs of the conformance suite, by the title that their tests have. */
import type { RigKind } from '../rig.ts';
import * as apisix from './apisix.ts';
import * as kong from './kong.ts';
import * as tyk from './tyk.ts';
import * as unkey from './unkey.ts';

export const RIGS: readonly (readonly [title: string, rig: RigKind])[] = [
  ['kong', kong.rig],
  ['kong, a key alone', kong.alone],
  ['apisix', apisix.rig],
  ['tyk', tyk.rig],
  ['tyk, a key of a policy', tyk.managed],
  ['unkey', unkey.rig],
];

/** Kinds that the suite does not try, each with the reason. */
export const WITHOUT_RIG: Readonly<Record<string, string>> = {
  decide: 'its own tests do: it calls nobody, and knows every key',
  'aws-apigateway': 'its own tests do, against moto',
  'aws-iam': 'its own tests do, against moto',
  caddy: 'its own tests do, against a real one',
  haproxy: 'its own tests do, against a real one',
  nginx: 'its own tests do, against a real one',
  envoy: 'it is decide under another name',
  traefik: 'it is decide under another name',
};
