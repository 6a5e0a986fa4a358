/**
 * A decision endpoint in a process of its own, so that it can be killed and frozen: `endpoint-child.ts PORT FOLDER`.
 * Its verdicts come by messages, {put: verdict} or {remove: key}; each is answered once it holds.
 */
import { systemClock } from '../../core/clock.ts';
import type { Verdict } from '../../core/verdict.ts';
import { startDecide } from '../../decide/endpoint.ts';
import { verdictsInMemory } from '../responders/gateways/verdicts.ts';
import { decideConfig, GEOGRAPHY, NAMES } from './tools.ts';

export type Told = { readonly put: Verdict } | { readonly remove: string };

const [port = '0', folder] = process.argv.slice(2);
const store = verdictsInMemory();
// Whoever starts it again has the verdicts of the file until the store is told them: it must not say "none" before.
const isAgain = process.argv[4] === 'store-away';
const endpoint = await startDecide({
  ...{ host: '127.0.0.1', port: Number(port), trustedProxies: [], geography: GEOGRAPHY, folder },
  ...{ names: NAMES, facts: () => undefined, clock: systemClock, settings: decideConfig() },
  store: isAgain ? { ...store, verdicts: () => Promise.reject(new Error('away')) } : store,
  onError: (error) => void process.stderr.write(`${String(error)}\n`),
});
process.on('message', (told: Told) => {
  const done = 'put' in told ? store.putVerdict(told.put) : store.removeVerdict(told.remove);
  void done.then(() => process.send?.({ done: true }));
});
process.on('disconnect', () => void endpoint.close());
process.send?.({ port: endpoint.port });
