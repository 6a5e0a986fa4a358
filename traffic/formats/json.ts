/** A JSON log as many services write it, the raw key in `api_key`. To be read with a field mapping. */
import type { TrafficEvent } from '../contract.ts';
import { isoOf, requestUuidOf, targetOf } from './shared.ts';

export function jsonLine(event: TrafficEvent): string {
  return (
    `{"timestamp":"${isoOf(event.at)}","level":"info","msg":"request",` +
    `"api_key":"${event.key.rawKey}","tenant":"${event.key.consumer.name}",` +
    `"client_ip":"${event.address.text}","method":"${event.route.method}",` +
    `"path":"${targetOf(event)}","route":"${event.route.name}","status":${event.status},` +
    `"duration_ms":${event.durationMs},"bytes_in":${event.bytesIn},"bytes_out":${event.bytesOut},` +
    `"user_agent":"${event.agent.text}","request_id":"${requestUuidOf(event)}"}`
  );
}
