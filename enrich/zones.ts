/** IANA time zones, as far as this Node knows them. */

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Epoch ms of a local time, which is given as if it were UTC; of one that the clocks skip, an hour later. */
export function instantIn(timeZone: string, localMs: number): number {
  const guess = localMs - offsetMs(timeZone, localMs);
  return localMs - offsetMs(timeZone, guess);
}

/** Made once: a calendar asks for thousands of instants of few zones, of which there are about 600. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

function offsetMs(timeZone: string, at: number): number {
  if (timeZone === 'UTC') return 0;
  let format = FORMATS.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
    FORMATS.set(timeZone, format);
  }
  const match = /GMT([+-])(\d{2}):(\d{2})/.exec(format.format(at));
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === '-' ? -minutes : minutes) * 60_000;
}
