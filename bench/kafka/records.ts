/**
 * Records for measuring how late a finding is: many keys that do nothing remarkable, and now and then one whose key
 * is stolen. A victim has a history of its own: without one there is nothing it could depart from.
 */
const HISTORY_DAYS = 9;
const DAY_MS = 86_400_000;
const USES_A_DAY = 8;
const CROWD = 5000;
const HOME = { country: 'DE', region: 'BE', city: 'Berlin', lat: 52.52, lon: 13.4, radiusKm: 20 };
const AWAY = {
  country: 'AU',
  region: 'NSW',
  city: 'Sydney',
  lat: -33.87,
  lon: 151.2,
  radiusKm: 20,
};

const idOf = (victim: number): string => `victim-${victim}`;

/** What the registry says of victims: one route is all they are for. */
export function registry(victims: number): object[] {
  return Array.from({ length: victims }, (_, victim) => {
    return { id: `keyhound:${idOf(victim)}`, scope: { routes: ['/v1/orders/*'] } };
  });
}

/** In the order of their time, up to a minute before `untilAt`. */
export function* history(victims: number, untilAt: number): Generator<string> {
  const uses = HISTORY_DAYS * USES_A_DAY;
  const gapMs = DAY_MS / USES_A_DAY;
  for (let use = uses; use > 0; use--) {
    for (let victim = 0; victim < victims; victim++) {
      const at = untilAt - 60_000 - use * gapMs + Math.floor((victim / victims) * gapMs);
      yield usual(at, idOf(victim), use);
    }
  }
}

function usual(at: number, keyId: string, number: number): string {
  return JSON.stringify({
    at: new Date(at).toISOString(),
    keyId,
    auth: 'ok',
    clientIp: '198.51.100.7',
    method: 'GET',
    path: `/v1/orders/${number % 100}`,
    status: 200,
    durationMs: 20,
    bytesOut: 900,
    userAgent: 'python-requests/2.32.0',
    requestId: `${keyId}-${at}-${number}`,
    place: HOME,
  });
}

/** One of the crowd. */
export function ordinary(at: number, number: number): string {
  return usual(at, `crowd-${number % CROWD}`, number);
}

/** The thief's request: elsewhere, with a tool of attackers, where the key may not be used. */
export function stolen(at: number, victim: number, number: number): string {
  return JSON.stringify({
    at: new Date(at).toISOString(),
    keyId: idOf(victim),
    auth: 'ok',
    clientIp: '203.0.113.9',
    method: 'GET',
    path: `/v1/customers/${number}`,
    status: 200,
    durationMs: 20,
    bytesOut: 900,
    userAgent: 'sqlmap/1.8',
    requestId: `stolen-${victim}-${number}`,
    place: AWAY,
  });
}
