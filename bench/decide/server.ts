/**
 * A measured server in a process of its own: `bare`, `lean` and `fastify` answer 200 and nothing else, `decide` is the
 * endpoint as it is shipped, with verdicts and two layers of limits. Tells its port, and its CPU time when asked, by
 * messages.
 */
import { createSecretKey } from 'node:crypto';
import { createServer, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { systemClock } from '../../core/clock.ts';
import { decideSchema } from '../../core/config-response.ts';
import { UNKNOWN_PLACE } from '../../core/event.ts';
import type { Verdict, VerdictStore } from '../../core/verdict.ts';
import { startDecide } from '../../decide/endpoint.ts';
import { createKeyNames } from '../../decide/key-names.ts';
import { LEAN_OPTIONS } from '../../decide/lean-request.ts';
import { keyOf, VERDICTS } from './requests.ts';

const NAMES = createKeyNames({
  pepper: createSecretKey(Buffer.from('a pepper of the bench, not a secret')),
  aliases: { find: () => undefined },
});

async function startBare(options: ServerOptions = {}): Promise<number> {
  const server = createServer({ noDelay: true, ...options }, (_request, response) => {
    response.writeHead(200, ['Content-Length', '0']);
    response.end();
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function startFastify(): Promise<number> {
  const app = fastify({ logger: false, keepAliveTimeout: 0 });
  app.get('/decide/nginx', (_request, reply) => void reply.send());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

/** Keys that are not asked for: what counts is that there are many. */
function manyVerdicts(): VerdictStore {
  const verdicts = Array.from(
    { length: VERDICTS },
    (_, i): Verdict => ({
      ...{ key: NAMES(keyOf(-1 - i))[0]!, rung: 'suspend', untilAt: null, tag: `act_${i}` },
    }),
  );
  return {
    putVerdict: async () => undefined,
    removeVerdict: async () => undefined,
    verdict: async () => undefined,
    verdicts: async () => verdicts,
    onVerdict: () => () => undefined,
  };
}

async function startOurs(): Promise<number> {
  const { port } = await startDecide({
    ...{ host: '127.0.0.1', port: 0, trustedProxies: [], folder: undefined, clock: systemClock },
    settings: decideSchema.parse({
      limits: [
        { name: 'minute', requests: 1_000_000, window: '1m' },
        { name: 'day', requests: 100_000_000, window: '1d' },
      ],
    }),
    geography: {
      version: 'none',
      placeOf: () => UNKNOWN_PLACE,
      info: () => ({ source: 'mmdb', version: 'none' }),
    },
    ...{ store: manyVerdicts(), names: NAMES, facts: () => undefined },
    onError: (error) => {
      throw error;
    },
  });
  return port;
}

const START = {
  bare: () => startBare(),
  lean: () => startBare(LEAN_OPTIONS),
  fastify: startFastify,
  decide: startOurs,
};
const port = await START[process.argv[2] as keyof typeof START]();
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.on('disconnect', () => process.exit(0));
process.send?.({ port });
