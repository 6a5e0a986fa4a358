/** A decision endpoint with everything around it in memory, and a client that sends headers as they are given. */
import { createSecretKey } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type DecideConfig, decideSchema } from '../../core/config-response.ts';
import { type Place, UNKNOWN_PLACE } from '../../core/event.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import { networkCode, ROUTE_BITS, ROUTE_WORDS, routeBit, routeCode } from '../../core/use-codes.ts';
import type { VerdictStore } from '../../core/verdict.ts';
import type { AskedUse } from '../../decide/contract.ts';
import { type DecideEndpoint, type DecideOptions, startDecide } from '../../decide/endpoint.ts';
import { createKeyNames, type KeyNames } from '../../decide/key-names.ts';
import { createUseReader } from '../../decide/profiled-use.ts';
import type { Geography } from '../../enrich/geography.ts';
import { verdictsInMemory } from '../responders/gateways/verdicts.ts';

export const PEPPER = createSecretKey(Buffer.from('a pepper of the tests, not a secret'));
export const NAMES: KeyNames = createKeyNames({
  pepper: PEPPER,
  aliases: { find: () => undefined },
});

/** `h:` id of a raw key. */
export function idOf(rawKey: string): string {
  return NAMES(rawKey)[0]!;
}

/** By the first number of an IPv4 address. */
export const PLACES: Readonly<Record<string, Partial<Place>>> = {
  '198': { country: 'DE', countryCode: 83, asn: 64_500, kind: 'public' },
  '203': { country: 'BR', countryCode: 44, asn: 64_501, kind: 'public' },
};

export const GEOGRAPHY: Geography = {
  version: 'made up',
  placeOf: (address) => ({
    ...UNKNOWN_PLACE,
    ...PLACES[address.toString().split('.', 1)[0]!],
  }),
  info: () => ({ source: 'mmdb', version: 'made up' }),
};

const readUse = createUseReader({ geography: GEOGRAPHY, trustedProxies: [], routes: true });

/** Profile of a key that was used so, as its record has it. */
export function profileOf(uses: readonly AskedUse[], countries: readonly string[]): KeyProfile {
  const routeFilter = new Array<number>(ROUTE_WORDS).fill(0);
  const networkCodes = new Set<number>();
  for (const use of uses) {
    const { method, route, network } = readUse(use);
    networkCodes.add(networkCode(network));
    for (let i = 0; i < ROUTE_BITS; i++) {
      const bit = routeBit(routeCode(method, route), i);
      routeFilter[bit >>> 5]! |= 1 << (bit & 31);
    }
  }
  const asOfAt = '2026-03-01T09:00:00.000Z';
  return { countries, networkCodes: [...networkCodes], systemCodes: [], routeFilter, asOfAt };
}

export class TestClock {
  at = Date.parse('2026-03-01T10:00:00Z');
  readonly now = (): number => this.at;
}

export interface TestEndpoint {
  readonly endpoint: DecideEndpoint;
  readonly store: VerdictStore;
  readonly clock: TestClock;
  readonly errors: unknown[];
  ask(path: string, headers?: Headers, how?: How): Promise<Said>;
}

type Headers = readonly (readonly [string, string])[];

export interface How {
  readonly method?: string;
  readonly body?: string;
}

export interface Said {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export function decideConfig(change: Partial<DecideConfig> = {}): DecideConfig {
  return { ...decideSchema.parse({}), ...change };
}

/** Stopped when the test is over. */
export async function testEndpoint(
  t: { after(f: () => Promise<void>): void },
  settings: Partial<DecideConfig> = {},
  more: Partial<DecideOptions> = {},
): Promise<TestEndpoint> {
  const clock = new TestClock();
  const store = more.store ?? verdictsInMemory();
  const errors: unknown[] = [];
  const endpoint = await startDecide({
    ...{ host: '127.0.0.1', port: 0, trustedProxies: [], geography: GEOGRAPHY, folder: undefined },
    ...{ names: NAMES, facts: () => undefined, clock },
    onError: (error) => void errors.push(error),
    ...more,
    settings: decideConfig(settings),
    store,
  });
  t.after(() => endpoint.close());
  return {
    ...{ endpoint, store, clock, errors },
    ask: (path, headers = [], how = {}) => ask(endpoint.port, path, headers, how),
  };
}

export async function ask(
  port: number,
  path: string,
  headers: Headers,
  how: How = {},
): Promise<Said> {
  const body = how.body ?? '';
  const length: Headers = body === '' ? [] : [['Content-Length', String(Buffer.byteLength(body))]];
  const sent = request({
    ...{ host: '127.0.0.1', port, path, method: how.method ?? 'GET', agent: false },
    headers: [['Host', 'api.example'], ...headers, ...length].flat(),
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += String(part);
  return { status: response.statusCode ?? 0, headers: response.headers, body: text };
}
