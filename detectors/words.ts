/** Numbers and spans as sentences say them. Cold path: only findings use it. */

/** `1,130`; below ten one decimal, below one two. */
export function count(value: number): string {
  if (value >= 10) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toFixed(value >= 1 ? 1 : 2)));
}

/** `1 request`, `1.4 requests`. */
export function counted(value: number, noun: string): string {
  const text = count(value);
  return `${text} ${noun}${text === '1' ? '' : 's'}`;
}

/** A rate as people say it: `9.1 a second`, `24 a minute`, `3.5 an hour`. */
export function rate(perSecond: number): string {
  if (perSecond >= 1) return `${count(perSecond)} a second`;
  if (perSecond * 60 >= 1) return `${count(perSecond * 60)} a minute`;
  return `${count(perSecond * 3600)} an hour`;
}

/** `43 seconds`, `7 minutes`, `6 hours`, `3 days`. */
export function span(seconds: number): string {
  const units: readonly [number, string][] = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ];
  for (const [size, name] of units) {
    if (seconds >= 2 * size) return plural(Math.round(seconds / size), name);
  }
  return plural(Math.round(seconds), 'second');
}

/** `1.3 kB`, `52 MB`; thousands, as disks and bills count them. */
export function size(bytes: number): string {
  let value = bytes;
  for (const unit of ['bytes', 'kB', 'MB', 'GB', 'TB']) {
    if (value < 1000 || unit === 'TB') return `${count(value)} ${unit}`;
    value /= 1000;
  }
  return '';
}

export function plural(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

/** Rounds a fact for output; floats of the baseline carry no more than four digits of meaning. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** `Sunday 03:00 (Europe/Berlin)`; in UTC where no zone is given. */
export function localTime(timeZone: string, at: number): string {
  const zone = timeZone === '' ? 'UTC' : timeZone;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const part = (type: string) => format.formatToParts(at).find((one) => one.type === type)?.value;
  return `${part('weekday')} ${part('hour')}:${part('minute')} (${zone})`;
}
