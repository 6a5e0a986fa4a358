import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SyslogFrames } from '../../ingest/syslog-frames.ts';

function framer(bytesMax = 100) {
  const seen: string[] = [];
  const frames = new SyslogFrames(bytesMax, {
    message: (bytes, start, end) => seen.push(Buffer.from(bytes.subarray(start, end)).toString()),
    tooLong: (bytes) => seen.push(`too long: ${bytes}`),
  });
  return { frames, seen };
}

const counted = (...messages: string[]) =>
  messages.map((message) => `${Buffer.byteLength(message)} ${message}`).join('');

describe('messages are the same, however the bytes were cut', () => {
  const long = `<1>${'x'.repeat(200)}`;
  for (const [name, text, expected] of [
    ['lines', '<1>a\n<1>b 2 <c\n\n<1>d\n', ['<1>a', '<1>b 2 <c', '<1>d']],
    ['lines without a priority', '12 monkeys\n<1>b\n', ['12 monkeys', '<1>b']],
    ['octet counting', counted('<1>a', '<1>two\nlines', '<1>é'), ['<1>a', '<1>two\nlines', '<1>é']],
    [
      'counted, with line ends between',
      `${counted('<1>a')}\n${counted('<1>b')}\n`,
      ['<1>a', '<1>b'],
    ],
    ['a line that is too long', `<1>a\n${long}\n<1>b\n`, ['<1>a', 'too long: 203', '<1>b']],
    [
      'a counted message that is too long',
      counted('<1>a', long, '<1>b'),
      ['<1>a', 'too long: 203', '<1>b'],
    ],
  ] as const) {
    test(name, () => {
      const bytes = Buffer.from(text);
      for (let size = 1; size <= bytes.length; size++) {
        const { frames, seen } = framer();
        for (let at = 0; at < bytes.length; at += size) {
          // The socket uses its buffer again.
          const chunk = Uint8Array.from(bytes.subarray(at, at + size));
          frames.push(chunk);
          chunk.fill(0x21);
        }
        assert.deepEqual(seen, expected, `in pieces of ${size}`);
        assert.equal(frames.heldBytes, 0);
      }
    });
  }
});

test('a line is no message before its end has come', () => {
  const { frames, seen } = framer();
  frames.push(Buffer.from('<1>a\n<1>half'));
  assert.deepEqual(seen, ['<1>a']);
  assert.equal(frames.heldBytes, 7);
});

test('a client cannot turn lines into counted messages', () => {
  const { frames, seen } = framer();
  frames.push(Buffer.from('<1>a\n5 <1>forged\n'));
  assert.deepEqual(seen, ['<1>a', '5 <1>forged']);
});

test('of a stream that lost its count nothing more is believed', () => {
  for (const text of [
    '4 <1>ax4 <1>b',
    '4 <1>a00000000004 <1>b',
    '4 <1>a 4 <1>b',
    '4 <1>a0 4 <1>b',
  ]) {
    const { frames, seen } = framer();
    frames.push(Buffer.from(text));
    frames.push(Buffer.from('4 <1>c'));
    assert.deepEqual(seen, ['<1>a'], text);
    assert.ok(frames.isBroken);
  }
});

test('of a message without an end no more is held than the longest may have', () => {
  for (const begin of ['<1>', '9999999 <1>']) {
    const { frames } = framer(1000);
    frames.push(Buffer.from(begin));
    const chunk = new Uint8Array(500).fill(0x61);
    for (let k = 0; k < 100; k++) frames.push(chunk);
    assert.ok(frames.keptBytes <= 1500, String(frames.keptBytes));
  }
});
