/** Can what listens be opened, or is it open already. */
import { createServer } from 'node:net';
import { sendRequest } from '../api-request.ts';
import type { Check, LoadedConfig } from '../contract.ts';
import type { StateFacts } from '../state-folder.ts';
import { check } from './check.ts';

/** Listeners that this version opens. */
const LISTENERS = ['console', 'decide', 'intake', 'hooks'] as const;
const ANSWER_MS = 2000;

/** `holder`: who has the state of one process. */
export async function* checkListeners(
  { config }: LoadedConfig,
  holder: StateFacts['holder'],
): AsyncGenerator<Check> {
  const isUp = config.kafka !== undefined && (await isKeyhound(config.listen.console));
  for (const name of LISTENERS) {
    if (name === 'hooks' && config.hooks.leak.length === 0) continue;
    const address = config.listen[name];
    const fault = await bindFault(address);
    if (fault === 'EADDRINUSE' && holder !== undefined) {
      yield check(`port ${name}`, true, `${address} is open, by the process that uses the state`);
      continue;
    }
    if (fault === 'EADDRINUSE' && isUp) {
      yield check(`port ${name}`, true, `${address} is open; Keyhound runs here`);
      continue;
    }
    const hint =
      fault === 'EADDRINUSE'
        ? `Another program listens there, and \`run\` cannot start beside it. Change listen.${name}.`
        : `Change listen.${name}.`;
    const detail =
      fault === undefined ? `${address} is free` : `${address} cannot be opened (${fault})`;
    yield check(`port ${name}`, fault === undefined, detail, hint);
  }
}

/**
 * In the distributed form no state says who runs, but every process answers for its health. With TLS nobody is asked.
 */
async function isKeyhound(address: string): Promise<boolean> {
  try {
    const { body } = await sendRequest({
      ...{ url: new URL(`http://${address}/healthz`), method: 'GET', headers: {} },
      ...{ body: undefined, signal: AbortSignal.timeout(ANSWER_MS), server: undefined },
    });
    return typeof body === 'object' && body !== null && 'status' in body && body.status === 'up';
  } catch {
    return false;
  }
}

function bindFault(address: string): Promise<string | undefined> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host, port: Number(address.slice(colon + 1)), exclusive: true }, () =>
      server.close(() => resolve(undefined)),
    );
  });
}
