/** NGINX and Apache `combined`: the raw key stands in the query, as it does where people send it that way. */
import type { TrafficEvent } from '../contract.ts';
import { targetWithKey } from './shared.ts';

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

let secondOfText = Number.NaN;
let text = '';
/** `22/Nov/2026:04:18:21 +0000`, kept between calls of one second. */
function clfTime(at: number): string {
  const second = Math.floor(at / 1000);
  if (second !== secondOfText) {
    secondOfText = second;
    const date = new Date(second * 1000);
    const iso = date.toISOString();
    const month = MONTHS[date.getUTCMonth()];
    text = `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  }
  return text;
}

export function combinedLine(event: TrafficEvent): string {
  return (
    `${event.address.text} - - [${clfTime(event.at)}] ` +
    `"${event.route.method} ${targetWithKey(event)} HTTP/1.1" ${event.status} ${event.bytesOut} ` +
    `"-" "${event.agent.text}"`
  );
}
