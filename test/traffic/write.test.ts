import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { TrafficEvent } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { FORMAT_NAMES, subjectIdOf, WRITERS } from '../../traffic/write.ts';

const traffic = createTraffic({ seed: 31, keys: 30, days: 1, attacks: 6 });

function* sample(): Generator<TrafficEvent> {
  let i = 0;
  for (const event of traffic.events()) if (i++ % 7 === 0) yield event;
}

type Json = Record<string, unknown>;
function at(object: Json, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => (value as Json)[name], object);
}

test('kong: an object of Kong, with the raw key in its header and no identity on 401', () => {
  let refused = 0;
  let bytes = 0;
  let count = 0;
  for (const event of sample()) {
    const line = WRITERS.kong(event);
    const record = JSON.parse(line) as Json;
    bytes += line.length;
    count++;
    assert.equal(at(record, 'started_at'), event.at);
    assert.equal(at(record, 'request.headers.apikey'), event.key.rawKey);
    assert.equal(at(record, 'response.status'), event.status);
    assert.equal(at(record, 'client_ip'), event.address.text);
    if (event.status === 401) {
      refused++;
      assert.equal(record['authenticated_entity'], undefined);
    } else assert.equal(at(record, 'authenticated_entity.id'), event.key.credentialId);
  }
  assert.ok(refused > 0);
  assert.ok(bytes / count > 650 && bytes / count < 850, String(bytes / count));
});

test('nginx and combined: the combined log format, raw key in the query', () => {
  const pattern =
    /^(\S+) - - \[(\d\d)\/May\/2026:(\d\d:\d\d:\d\d) \+0000\] "(\w+) (\S+) HTTP\/1\.1" (\d+) (\d+) "-" "([^"]+)"$/;
  for (const event of sample()) {
    const line = WRITERS.nginx(event);
    assert.equal(line, WRITERS.combined(event));
    const match = pattern.exec(line);
    assert.ok(match, line);
    const [, address, , time, method, target, status, bytes] = match;
    assert.equal(address, event.address.text);
    assert.equal(time, new Date(event.at).toISOString().slice(11, 19));
    assert.equal(method, event.route.method);
    assert.equal(new URL(target!, 'http://x').searchParams.get('api_key'), event.key.rawKey);
    assert.equal(Number(status), event.status);
    assert.equal(Number(bytes), event.bytesOut);
  }
});

test('keyhound, cloudtrail, aws-apigateway and json: one object a line, time and key in their places', () => {
  for (const event of sample()) {
    const iso = new Date(event.at).toISOString();
    const keyhound = JSON.parse(WRITERS.keyhound(event)) as Json;
    assert.deepEqual([keyhound['at'], keyhound['keyId']], [iso, event.key.credentialId]);
    const trail = JSON.parse(WRITERS.cloudtrail(event)) as Json;
    assert.equal(trail['eventTime'], `${iso.slice(0, 19)}Z`);
    assert.equal(at(trail, 'userIdentity.accessKeyId'), event.key.accessKeyId);
    assert.equal(trail['errorCode'] === undefined, event.status < 400);
    const gateway = JSON.parse(WRITERS['aws-apigateway'](event)) as Json;
    for (const value of Object.values(gateway)) assert.equal(typeof value, 'string');
    assert.equal(gateway['requestTimeEpoch'], String(event.at));
    assert.equal(gateway['apiKeyId'], event.key.apiKeyId);
    const json = JSON.parse(WRITERS.json(event)) as Json;
    assert.deepEqual([json['timestamp'], json['api_key']], [iso, event.key.rawKey]);
  }
});

test('raw keys stand only in formats whose gateways log them', () => {
  const withRawKey = FORMAT_NAMES.filter((name) => {
    const event = traffic.events().next().value!;
    return WRITERS[name](event).includes(event.key.rawKey);
  });
  assert.deepEqual(withRawKey, ['kong', 'nginx', 'combined', 'json']);
});

test('a made-up key and a web page are written where their gateways log them', () => {
  const fromAt = traffic.fromAt;
  const attacks = [
    { kind: 'stuffing', keyIndex: 0, fromAt },
    { kind: 'browser', keyIndex: 1, fromAt },
  ] as const;
  const attacked = createTraffic({ seed: 31, keys: 2, days: 1, novelty: false, attacks });
  const [ids, origins] = [new Set<string>(), new Set<unknown>()];
  for (const event of attacked.events()) {
    if (event.label < 0) continue;
    const kong = JSON.parse(WRITERS.kong(event)) as Json;
    const keyhound = JSON.parse(WRITERS.keyhound(event)) as Json;
    if (attacked.labels[event.label]!.kind === 'stuffing') {
      assert.equal(at(kong, 'request.headers.apikey'), event.key.rawKey);
      assert.equal(kong['authenticated_entity'], undefined);
      assert.deepEqual([keyhound['key'], keyhound['keyId']], [event.key.rawKey, undefined]);
      ids.add(event.key.rawKey);
    } else {
      assert.equal(at(kong, 'request.headers.origin'), event.origin);
      origins.add(keyhound['origin']);
    }
  }
  assert.ok(ids.size > 1000);
  assert.deepEqual([...origins], ['https://shop.example']);
});

test('subjects are the ids Keyhound shows, hashed under the pepper where the log holds the raw key', () => {
  const key = traffic.keys[0]!;
  assert.equal(subjectIdOf(key, 'kong', undefined), `kong:${key.credentialId}`);
  assert.equal(subjectIdOf(key, 'cloudtrail', undefined), `aws:${key.accessKeyId}`);
  assert.equal(subjectIdOf(key, 'nginx', undefined), undefined);
  const pepper = 'a pepper long enough';
  const mac = createHmac('sha256', pepper).update(key.rawKey).digest('hex');
  assert.equal(subjectIdOf(key, 'nginx', `${pepper}\n`), `h:${mac.slice(0, 32)}`);
});
