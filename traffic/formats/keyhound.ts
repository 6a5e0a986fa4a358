/** Keyhound's own event format, with the gateway's id of the credential. */
import type { TrafficEvent } from '../contract.ts';
import { isoOf, requestUuidOf, targetOf } from './shared.ts';

export function keyhoundLine(event: TrafficEvent): string {
  const { key, status } = event;
  const identity =
    key.credentialId === '' ? `"key":"${key.rawKey}"` : `"keyId":"${key.credentialId}"`;
  return (
    `{"at":"${isoOf(event.at)}",${identity},` +
    `"auth":"${status === 401 ? 'failed' : 'ok'}","consumer":"${key.consumer.name}",` +
    `"clientIp":"${event.address.text}","method":"${event.route.method}",` +
    `"path":"${targetOf(event)}","route":"${event.route.name}","status":${status},` +
    `"durationMs":${event.durationMs},"bytesIn":${event.bytesIn},"bytesOut":${event.bytesOut},` +
    `"userAgent":"${event.agent.text}","requestId":"${requestUuidOf(event)}"` +
    (event.origin === '' ? '' : `,"origin":"${event.origin}"`) +
    (status === 429 ? ',"limitedBy":"gateway"}' : '}')
  );
}
