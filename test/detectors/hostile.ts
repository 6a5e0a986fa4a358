/** Events that a decoder may hand over, and nobody hopes for. */
import fc from 'fast-check';
import type { ApiEvent, Place } from '../../core/event.ts';
import { UNKNOWN_PLACE } from '../../core/event.ts';
import { AUTH, LIMITED_BY } from '../../core/record.ts';
import { changed } from './trial.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Far ahead, as a log with a wrong clock says it: the years 2125 and 9999. */
const FAR = [Date.parse('2125-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59Z')];

const place = fc.oneof(
  fc.constant(UNKNOWN_PLACE),
  fc
    .record({
      country: fc.constantFrom('DE', 'US', 'AA', 'ZZ'),
      region: fc.constantFrom('', 'BE', '\u001b[31m<b>=cmd()'),
      city: fc.constantFrom('', 'Berlin', '\u0000"\\'),
      latitude: fc.constantFrom(-90, 0, 52.5, 90),
      longitude: fc.constantFrom(-180, 0, 13.4, 180),
      radiusKm: fc.constantFrom(1, 20, 20_037),
      regionCode: fc.constantFrom(1, 77, 0xffffffff),
    })
    .map(
      (where): Place => ({
        ...where,
        timeZone: '',
        asn: 0,
        countryCode: (where.country.charCodeAt(0) - 65) * 26 + where.country.charCodeAt(1) - 64,
        kind: 'public',
      }),
    ),
);

const step = fc.record({
  after: fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: 2000 }) },
    { weight: 3, arbitrary: fc.nat({ max: 3 * HOUR_MS }) },
    { weight: 2, arbitrary: fc.nat({ max: 40 * DAY_MS }) },
    { weight: 2, arbitrary: fc.nat({ max: 70_000 }).map((ms) => -ms) },
    { weight: 1, arbitrary: fc.constant(900 * DAY_MS) },
  ),
  times: fc.oneof(fc.constant(1), fc.nat({ max: 200 })),
  key: fc.nat({ max: 1 }),
  change: fc.record({
    status: fc.constantFrom(0, 100, 200, 302, 401, 403, 404, 429, 500, 599),
    attested: fc.constantFrom(true, true, true, false),
    auth: fc.constantFrom(...Object.values(AUTH)),
    mayAct: fc.boolean(),
    limitedBy: fc.constantFrom(LIMITED_BY.nobody, LIMITED_BY.nobody, LIMITED_BY.gateway),
    durationMs: fc.constantFrom(-1, 0, 12, Number.MAX_SAFE_INTEGER),
    bytesIn: fc.constantFrom(-1, 0, Number.MAX_SAFE_INTEGER),
    bytesOut: fc.constantFrom(-1, 0, 1500, Number.MAX_SAFE_INTEGER),
    network: fc.constantFrom(0, 1, 0xffffffff),
    method: fc.constantFrom('', 'GET', 'PROPFIND'),
    consumer: fc.constantFrom('', '<script>'),
    place,
  }),
});

/** Sequences that go on after `last`, on its key and on one that is new; sometimes into the far future. */
export function hostileEvents(last: ApiEvent): fc.Arbitrary<ApiEvent[]> {
  const stranger = { ...last.key, id: 'keyhound:stranger', digest1: last.key.digest1 ^ 1 };
  const far = fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...FAR) },
  );
  return fc.record({ steps: fc.array(step, { maxLength: 25 }), far }).map(({ steps, far }) => {
    const events: ApiEvent[] = [];
    let { at, position } = last;
    const add = (change: Partial<ApiEvent>, isStranger: boolean): void => {
      const key = isStranger ? stranger : last.key;
      events.push(changed(last, { ...change, at, key, position: ++position }));
    };
    for (const { after, times, key, change } of steps) {
      at += after;
      for (let i = 0; i < times; i++) {
        add(change, key === 1);
        at += Math.max(0, Math.min(after, 50));
      }
    }
    if (far !== undefined) {
      at = far;
      add({}, false);
      add({ status: 403 }, false);
    }
    return events;
  });
}
