/** Kong http-log: an object a line, raw key in the logged headers as Kong leaves it there. */
import type { KeyProfile, TrafficEvent } from '../contract.ts';
import { requestIdOf, targetOf } from './shared.ts';

const HOST = 'api.example.com';
const GATEWAY_MS = 1;
const identities = new WeakMap<KeyProfile, string>();

export function kongLine(event: TrafficEvent): string {
  const { key, route, status, durationMs } = event;
  const target = targetOf(event);
  // A refused credential is no authenticated entity; the gateway answers and there is no upstream.
  const known = status !== 401;
  const ownAnswer = status === 401 || status === 403 || status === 429;
  const proxy = ownAnswer ? -1 : Math.max(0, durationMs - GATEWAY_MS);
  return (
    `{"request":{"id":"${requestIdOf(event)}","method":"${route.method}","uri":"${target}",` +
    `"url":"https://${HOST}:8443${target}","size":${event.bytesIn},` +
    `"headers":{"host":"${HOST}","user-agent":"${event.agent.text}",` +
    (event.origin === '' ? '' : `"origin":"${event.origin}","sec-fetch-site":"cross-site",`) +
    `"apikey":"${key.rawKey}"}},` +
    `"response":{"status":${status},"size":${event.bytesOut},` +
    `"headers":{"content-type":"application/json"}},` +
    `"latencies":{"kong":${GATEWAY_MS},"proxy":${proxy},"request":${durationMs}},` +
    (known ? identityOf(key) : '') +
    `"route":{"id":"${route.id}","name":"${route.name}"},` +
    `"client_ip":"${event.address.text}","started_at":${event.at},` +
    (ownAnswer ? `"source":"exit"}` : `"source":"upstream","upstream_status":"${status}"}`)
  );
}

function identityOf(key: KeyProfile): string {
  let text = identities.get(key);
  if (text === undefined) {
    const { id, name } = key.consumer;
    text =
      `"authenticated_entity":{"id":"${key.credentialId}","consumer_id":"${id}"},` +
      `"consumer":{"id":"${id}","username":"${name}"},`;
    identities.set(key, text);
  }
  return text;
}
