/** What a request looks like: address, client, route, status, duration, sizes. */
import type { Burst, ErrorMix, KeyProfile, RouteProfile, Shift, TrafficEvent } from './contract.ts';
import { madeUpKey } from './keys.ts';
import { nextNormal, nextUnit, nextWord } from './random.ts';
import { resourceOf, walkedResource } from './resources.ts';

/** How a key's own errors are made up, as shares of them. */
const NORMAL_MIX: ErrorMix = {
  unauthorized: 0.04,
  forbidden: 0.04,
  notFound: 0.45,
  otherClient: 0.2,
  limited: 0.05,
  server: 0.22,
};
const ERROR_BYTES = 96;
const HEADER_BYTES = 180;
/** Refusals are answered by the gateway itself. */
const REFUSAL_MS = 3;

/**
 * Fills everything but `at`. Draws only from the state at `o`, so a key's requests are the same in any merge.
 * `ordinal`: how many requests of the burst came before.
 */
export function fillRequest(
  event: TrafficEvent,
  key: KeyProfile,
  shifts: readonly Shift[],
  burst: Burst | undefined,
  ordinal: number,
  s: Uint32Array,
  o: number,
): void {
  event.key = key;
  event.label = burst === undefined ? -1 : burst.label;
  event.address = key.addresses[pick(key.addressShares, nextUnit(s, o))]!;
  event.agent = key.agent;
  event.origin = key.origin;
  event.route = key.routes[pick(key.routeShares, nextUnit(s, o))]!;
  let errors = applyShifts(event, shifts, s, o);
  if (burst !== undefined) {
    applyBurst(event, burst, s, o);
    errors = burst.errors ?? errors;
  }
  const route = event.route;
  if (route.numbered) {
    const word = nextWord(s, o);
    const walk = burst?.walk;
    event.resource =
      walk === undefined ? resourceOf(key, event.at, word) : walkedResource(walk, ordinal, word);
  } else event.resource = 0;
  event.status = drawStatus(key, route, errors, s, o);
  drawCost(event, key, route, s, o);
  if (burst?.bytesFactor !== undefined && event.status < 400) {
    event.bytesOut = Math.round(event.bytesOut * burst.bytesFactor);
  }
  event.request0 = nextWord(s, o);
  event.request1 = nextWord(s, o);
}

/** Answers how the request fails where a shift says so. */
function applyShifts(
  event: TrafficEvent,
  shifts: readonly Shift[],
  s: Uint32Array,
  o: number,
): ErrorMix | undefined {
  let errors: ErrorMix | undefined;
  for (let i = 0; i < shifts.length; i++) {
    const shift = shifts[i]!;
    if (shift.share === 0 || event.at < shift.fromAt || event.at >= shift.toAt) continue;
    if (nextUnit(s, o) >= shift.share) continue;
    if (shift.address !== undefined) event.address = shift.address;
    if (shift.agent !== undefined) event.agent = shift.agent;
    if (shift.route !== undefined) event.route = shift.route;
    if (shift.errors !== undefined) errors = shift.errors;
  }
  return errors;
}

function applyBurst(event: TrafficEvent, burst: Burst, s: Uint32Array, o: number): void {
  const { addresses, credentials, routes } = burst;
  if (burst.address !== undefined) event.address = burst.address;
  if (burst.agent !== undefined) event.agent = burst.agent;
  // A thief's tool sends no Origin unless it says so.
  if (burst.agent !== undefined || burst.origin !== undefined) event.origin = burst.origin ?? '';
  if (addresses !== undefined) event.address = addresses[nextWord(s, o) % addresses.length]!;
  if (routes !== undefined) event.route = routes[nextWord(s, o) % routes.length]!;
  if (credentials === 'made-up') event.key = madeUpKey(event.key, nextWord(s, o), nextWord(s, o));
  else if (credentials !== undefined) {
    event.key = credentials[nextWord(s, o) % credentials.length]!;
  }
}

function pick(shares: Float64Array, unit: number): number {
  let i = 0;
  while (unit >= shares[i]!) i++;
  return i;
}

function drawStatus(
  key: KeyProfile,
  route: RouteProfile,
  mix: ErrorMix | undefined,
  s: Uint32Array,
  o: number,
): number {
  const unit = nextUnit(s, o);
  if (mix !== undefined) return errorOf(mix, unit) || successOf(route);
  if (unit >= key.errorShare) return successOf(route);
  return errorOf(NORMAL_MIX, unit / key.errorShare) || successOf(route);
}

function successOf(route: RouteProfile): number {
  if (route.method === 'POST') return 201;
  return route.method === 'DELETE' ? 204 : 200;
}

/** Status by the shares of a mix; 0 when none of them was hit. */
function errorOf(mix: ErrorMix, unit: number): number {
  let sum = mix.unauthorized;
  if (unit < sum) return 401;
  sum += mix.forbidden;
  if (unit < sum) return 403;
  sum += mix.notFound;
  if (unit < sum) return 404;
  sum += mix.otherClient;
  if (unit < sum) return 422;
  sum += mix.limited;
  if (unit < sum) return 429;
  return unit < sum + mix.server ? 503 : 0;
}

function drawCost(
  event: TrafficEvent,
  key: KeyProfile,
  route: RouteProfile,
  s: Uint32Array,
  o: number,
): void {
  const slow = Math.exp(route.latencySigma * nextNormal(s, o));
  const large = Math.exp(route.bytesSigma * nextNormal(s, o));
  const status = event.status;
  const refused = status === 401 || status === 403 || status === 429;
  event.durationMs = Math.ceil(
    slow * (refused ? REFUSAL_MS : route.latencyMedianMs * key.latencyFactor),
  );
  event.bytesIn =
    HEADER_BYTES + (route.readOnly ? 0 : Math.round(320 * large)) + (event.resource & 7);
  event.bytesOut =
    status >= 400 ? ERROR_BYTES : status === 204 ? 0 : Math.round(route.bytesMedian * large);
}
