import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Detection, detectFormat, type Given } from '../../ingest/detection.ts';
import { envelopeById } from '../../ingest/envelope.ts';
import { formatById } from '../../ingest/formats/list.ts';

const LINE = '198.51.100.7 - - [22/Nov/2026:04:18:21 +0000] "GET /a HTTP/1.1" 200 21 "-" "curl/8"';
const EVENT = {
  eventTime: '2026-11-22T04:18:21Z',
  eventSource: 's3.amazonaws.com',
  eventName: 'GetObject',
  userIdentity: { accessKeyId: 'AKIAEXAMPLE000000001' },
};
const detect = (text: string, given?: Given): Detection => detectFormat(Buffer.from(text), given);
const as = ({ format }: Detection): string | undefined =>
  format && `${format.id} in ${format.envelope ?? 'nothing'}`;

test('what AWS prints and exports is recognised as the CloudTrail events that it holds', () => {
  const text = JSON.stringify(EVENT);
  for (const indent of [undefined, 4]) {
    const events = { Events: [{ EventName: 'GetObject', CloudTrailEvent: text }], NextToken: 'x' };
    assert.equal(
      as(detect(JSON.stringify(events, null, indent))),
      'cloudtrail in field:CloudTrailEvent',
    );
    const logs = { messageType: 'DATA_MESSAGE', logEvents: [{ id: '1', message: text }] };
    assert.equal(as(detect(JSON.stringify(logs, null, indent))), 'cloudtrail in field:message');
    const filtered = { events: [{ message: text, timestamp: 1 }], searchedLogStreams: [] };
    assert.equal(as(detect(JSON.stringify(filtered, null, indent))), 'cloudtrail in field:message');
  }
  assert.equal(as(detect(`2026-11-22T04:18:21.000Z ${text}\n`)), 'cloudtrail in time');
  assert.equal(
    as(detect(`${JSON.stringify({ _source: EVENT })}\n`)),
    'cloudtrail in field:_source',
  );
});

test('a program may say much before its first record', () => {
  const notices = Array.from(
    { length: 70 },
    (_, i) => `2026-11-22T04:18:21.1Z stderr F worker ${i}`,
  );
  const lines = Array.from({ length: 20 }, () => `2026-11-22T04:18:21.1Z stdout F ${LINE}`);
  assert.equal(as(detect(`${[...notices, ...lines].join('\n')}\n`)), 'combined in cri');
});

test('what a format fits as it is, is not looked into: its texts are those of clients', () => {
  const record = (i: number): string =>
    JSON.stringify({ at: 1_795_320_000_000 + i, keyId: 'k-1', status: 200, message: LINE });
  const text = `${Array.from({ length: 20 }, (_, i) => record(i)).join('\n')}\n`;
  assert.equal(detect(text).format?.envelope, undefined);
  assert.notEqual(detect(text).format, undefined);
});

test('an envelope in which no format fits is told as what it is', () => {
  const found = detect('2026-11-22T04:18:21.1Z stdout F started\n');
  assert.equal(found.format, undefined);
  assert.match(found.why, /^it is the log of a container \(CRI\), in which no format fits/);
});

test('a few strangers among the lines do not hide the envelope; many are another log', () => {
  const line = `<190>Nov 22 04:18:21 edge nginx: ${LINE}\n`;
  assert.equal(as(detect(`last message repeated\n${line.repeat(19)}`)), 'combined in syslog');
  assert.equal(
    detect(`${'last message repeated\n'.repeat(5)}${line.repeat(15)}`).format,
    undefined,
  );
});

test('what the user says is kept to: the format, the envelope', () => {
  const line = `<190>Nov 22 04:18:21 edge nginx: ${LINE}\n`;
  assert.equal(as(detect(line, { format: formatById('combined') })), 'combined in syslog');
  assert.equal(detect(line, { format: formatById('kong') }).format, undefined);
  const odd = `${JSON.stringify({ payload: { text: LINE } })}\n`;
  assert.equal(detect(odd).format, undefined);
  const envelope = envelopeById('field:payload.text');
  assert.equal(as(detect(odd, { envelope })), 'combined in field:payload.text');
  assert.equal(detect(LINE, { envelope }).format, undefined);
});

test('what is printed around records is told, with the way to have them without', () => {
  for (const [text, words] of [
    [`web-1  | ${LINE}\n`, /`docker compose logs` prints: add --no-log-prefix/],
    [
      '{"took":1,"_shards":{"total":1},"hits":{"total":{"value":1},"hits":[{"_source":{}}]}}',
      /jq -c/,
    ],
    ['{\n  "took" : 1,\n  "hits" : {\n', /an answer of Elasticsearch/],
  ] as const) {
    const found = detect(text);
    assert.equal(found.format, undefined);
    assert.match(found.why, words);
  }
});
