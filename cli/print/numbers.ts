/** Numbers, sizes and times as a person reads them. Times are UTC, as everywhere. */

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZES[unit]}`;
}

/** Two largest units: `3d 4h`, `12m 5s`, `4.2s`. */
export function span(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '?';
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return two(whole, 60, 'm', 1, 's');
  if (whole < 86_400) return two(whole, 3600, 'h', 60, 'm');
  return two(whole, 86_400, 'd', 3600, 'h');
}

function two(seconds: number, large: number, a: string, small: number, b: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)}${a}${rest === 0 ? '' : ` ${rest}${b}`}`;
}

/** `2026-03-01 10:00:00` of an instant of a JSON line. */
export function when(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, '');
}

export function score(value: number): string {
  return value.toFixed(1);
}
