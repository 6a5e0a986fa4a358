/** Offsets of IANA zones, daylight saving included, looked up once a zone and UTC day. */

const DAY_MS = 86_400_000;
const caches = new Map<string, ZoneCache>();

interface ZoneCache {
  readonly format: Intl.DateTimeFormat;
  readonly offsets: Map<number, number>;
}

/** Milliseconds to add to UTC for local time; a change of clocks takes effect at UTC midnight of its day. */
export function zoneOffsetMs(zone: string, at: number): number {
  let cache = caches.get(zone);
  if (cache === undefined) {
    cache = { format: formatOf(zone), offsets: new Map() };
    caches.set(zone, cache);
  }
  const day = Math.floor(at / DAY_MS);
  let offset = cache.offsets.get(day);
  if (offset === undefined) {
    offset = measure(cache.format, day * DAY_MS + DAY_MS / 2);
    cache.offsets.set(day, offset);
  }
  return offset;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
}

/** Reads the offset out of a text such as "3/2/2026, GMT+05:30"; plain GMT is 0. */
function measure(format: Intl.DateTimeFormat, at: number): number {
  const match = /GMT([+-])(\d{2}):(\d{2})/.exec(format.format(at));
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === '-' ? -minutes : minutes) * 60_000;
}
