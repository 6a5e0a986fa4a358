import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SyslogMessage } from '../../ingest/syslog-message.ts';

const RECORD = '198.51.100.7 - - [01/Mar/2026:10:00:00 +0000] "GET /a: b] HTTP/1.1" 200 21';

function read(text: string) {
  const message = new SyslogMessage();
  const bytes = Buffer.from(`junk${text}<1>1 x`);
  message.read(bytes, 4, 4 + Buffer.byteLength(text));
  const { from, to, sequence, senderFrom, senderTo } = message;
  return {
    record: bytes.toString('utf8', from, to),
    sequence,
    sender: sequence > 0 ? bytes.toString('utf8', senderFrom, senderTo) : '',
  };
}

describe('the record is what stands after the header', () => {
  for (const [name, header] of [
    ['RFC 3164 as NGINX writes it', '<190>Nov 22 04:18:21 vm nginx: '],
    ['NGINX with nohostname', '<190>Nov  2 04:18:21 nginx: '],
    ['RFC 3164 as HAProxy writes it', '<134>Nov 22 04:20:33 haproxy[23024]: '],
    ['forwarded by rsyslog', '<134>2026-11-22T04:20:33.123456+00:00 edge-1 haproxy[23024]: '],
    ['RFC 5424', '<134>1 2026-11-22T04:20:33Z edge-1 haproxy 23024 - - '],
    ['RFC 5424 without anything', '<134>1 - - - - - - '],
    ['RFC 5424 with a byte order mark', '<134>1 - h a p m - \ufeff'],
    ['RFC 5424 with data', '<134>1 - h a p m [x@1 y="] \\" \\\\" z="\\]"][meta sequenceId="7"] '],
    ['a priority and nothing else', '<134>'],
    ['nothing', ''],
  ] as const) {
    test(name, () => {
      for (const end of ['', '\n', '\r\n', '\0', ' ']) {
        assert.equal(read(header + RECORD + end).record, RECORD);
      }
    });
  }

  test('a record that looks like a header stays whole', () => {
    const inner = '<190>Nov 22 04:18:21 vm nginx: x';
    assert.equal(read(`<190>Nov 22 04:18:21 vm nginx: ${inner}`).record, inner);
    assert.equal(read(`<134>1 - h a p m - ${inner}`).record, inner);
  });

  test('a header alone has no record', () => {
    for (const text of [
      '<134>1 - - - - - -',
      '<134>1 - - - - - [meta sequenceId="1"]',
      '<134>',
      '',
    ]) {
      assert.equal(read(text).record, '', text);
    }
  });
});

test('the number of a message and who counts are read from its header alone', () => {
  const head = '<134>1 - edge-1 haproxy 23024 - ';
  assert.deepEqual(read(`${head}[meta sequenceId="41" x="y"] ${RECORD}`), {
    record: RECORD,
    sequence: 41,
    sender: 'edge-1 haproxy 23024',
  });
  for (const data of [
    '-',
    '[m sequenceId="41"]',
    '[meta sequence="41"]',
    '[meta sequenceId="-1"]',
    '[x y="[meta sequenceId=\\"41\\"\\]"]',
    '[meta sequenceId="99999999999"]',
  ]) {
    assert.equal(read(`${head}${data} ${RECORD} [meta sequenceId="41"]`).sequence, 0, data);
  }
});

test('any bytes: never throws, and answers a range within the message', () => {
  const seeds = ['<134>1 - h a p m [meta sequenceId="7"] x', '<190>Nov 22 04:18:21 vm nginx: x'];
  const mutated = fc
    .record({ seed: fc.constantFrom(...seeds), at: fc.nat(40), put: fc.string({ maxLength: 4 }) })
    .map(({ seed, at, put }) => Buffer.from(seed.slice(0, at) + put + seed.slice(at + 2)));
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      const message = new SyslogMessage();
      message.read(bytes, 0, bytes.length);
      for (const at of [message.from, message.to]) assert.ok(at >= 0 && at <= bytes.length);
      if (message.sequence > 0) {
        assert.ok(message.senderFrom <= message.senderTo && message.senderTo <= bytes.length);
      }
    }),
    { seed: 20260301, numRuns: 2000 },
  );
});
