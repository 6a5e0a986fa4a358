/** Text that steers a terminal, becomes markup or runs as a formula, wherever an attacker may put it. */

export const HOSTILE: readonly string[] = [
  '\u001b[2J\u001b[31mred\u001b]0;title\u0007',
  '\u009b31m\u0085c1',
  'a\r\nforged line\u2028two',
  '\u202egnp.exe\u2066\u200b',
  '<img src=x onerror=alert(1)>',
  '=cmd()',
];

/** A quiet fortnight of a key, then many requests from another country within a minute: findings for certain. */
export function attackOn(facts: object, fromAt: number): string[] {
  const line = (at: number, place: object) =>
    JSON.stringify({ at, status: 200, method: 'GET', place, clientIp: '198.51.100.7', ...facts });
  const quiet = Array.from({ length: 720 }, (_, i) => line(fromAt + i * 1_800_000, HOME));
  const attackAt = fromAt + 720 * 1_800_000;
  return [...quiet, ...Array.from({ length: 1500 }, (_, i) => line(attackAt + i * 40, ABROAD))];
}

const HOME = { country: 'DE', region: 'BE', city: 'Berlin', lat: 52.5, lon: 13.4, radiusKm: 20 };
const ABROAD = { country: 'KR', region: '11', city: 'Seoul', lat: 37.6, lon: 127, radiusKm: 20 };
