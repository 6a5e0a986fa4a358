/** Parts that several written formats share. */
import { finish } from '../../core/hash.ts';
import type { TrafficEvent } from '../contract.ts';

/** Path with query, without the key. */
export function targetOf(event: TrafficEvent): string {
  const route = event.route;
  const path = route.numbered ? `${route.before}${event.resource}${route.after}` : route.template;
  return route.query === '' ? path : `${path}?${route.query}`;
}

/** Path with query, the raw key last in it. */
export function targetWithKey(event: TrafficEvent): string {
  const target = targetOf(event);
  return `${target}${event.route.query === '' ? '?' : '&'}api_key=${event.key.rawKey}`;
}

/** 32 hex digits, as a gateway's request id. */
export function requestIdOf(event: TrafficEvent): string {
  const a = event.request0;
  const b = event.request1;
  return hex(a) + hex(b) + hex(finish(a ^ 0x5bd1e995)) + hex(finish(b ^ 0x27d4eb2f));
}

export function requestUuidOf(event: TrafficEvent): string {
  const id = requestIdOf(event);
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(13, 16)}-a${id.slice(17, 20)}-${id.slice(20)}`;
}

function hex(word: number): string {
  return (word + 0x100000000).toString(16).slice(1);
}

let secondOfIso = Number.NaN;
let isoPrefix = '';
/** RFC 3339 UTC with milliseconds; the text up to the second is kept between calls. */
export function isoOf(at: number): string {
  const second = Math.floor(at / 1000);
  if (second !== secondOfIso) {
    secondOfIso = second;
    isoPrefix = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const millis = at - second * 1000;
  return `${isoPrefix}${millis < 10 ? '00' : millis < 100 ? '0' : ''}${millis}Z`;
}
