/** A real Envoy with the set-up of docs/decide.md. */
import { networkInterfaces } from 'node:os';
import { parse } from 'yaml';
import { decoded } from '../gateways/through.ts';
import { startEnvoy } from '../servers/gateways/envoy.ts';
import { testAsking } from './asking-gateway.ts';
import { documented } from './gateway-tools.ts';
import { idOf } from './tools.ts';

// For a client on loopback Envoy writes its own address into X-Forwarded-For.
const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
const outside = addresses.find(({ internal, family }) => !internal && family === 'IPv4');

testAsking({
  name: 'Envoy',
  start: ({ endpoint, service }) =>
    startEnvoy({
      jsonFormat: parse(documented('# envoy: json_format')) as Record<string, string>,
      httpFilters: [parse(documented('# envoy: filter')) as object],
      clusters: { keyhound: endpoint, service },
      service: 'service',
    }),
  logged: ({ logFile }) => decoded('envoy', logFile),
  tricks: [
    { 'X-Forwarded-For': 'x'.repeat(50_000) },
    { Expect: '100-continue' },
    { Accept: '\u00ff\u00fe' },
    { 'X-Keyhound-Token': 'wrong', 'X-Keyhound-Key': idOf('good-key') },
  ],
  clientAddress: outside?.address,
});
