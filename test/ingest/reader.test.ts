import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { mask } from '../../ingest/dead-letters.ts';
import { createMerge, firstTime, type MergeInput } from '../../ingest/merge.ts';
import { EventReader, type EventStream, rejectedByReason } from '../../ingest/reader.ts';
import { createStreamSource } from '../../ingest/sources/stream.ts';
import { never, toyJson, toyLines, toyReader } from './toy.ts';

const sourceOf = (name: string, text: string, chunkBytes = 1 << 20) =>
  createStreamSource({
    name,
    framing: 'lines',
    chunkBytes,
    recordBytesMax: 40,
    input: Readable.from([Buffer.from(text)]),
  });

async function times(stream: EventStream): Promise<number[]> {
  const seen: number[] = [];
  while (await stream.fill(never)) while (stream.next()) seen.push(stream.event.at);
  await stream.close();
  return seen;
}

describe('EventReader', () => {
  const text = `1 a\nbad secret-key-1234567\n#note\n2\n3 b\n9 ${'x'.repeat(50)}\n4 c`;
  for (const chunk of [1, 5, 1000]) {
    test(`good events in order, the rest counted by reason (chunks of ${chunk})`, async () => {
      const { options, opened, applied, deadLetters } = toyReader(sourceOf('toy', text, chunk));
      const reader = new EventReader(options);
      assert.deepEqual(await times(reader), [1, 3, 4]);
      assert.equal(options.counters.records, 7);
      assert.equal(options.counters.bytes, Buffer.byteLength(text));
      assert.deepEqual(rejectedByReason(options.counters), {
        malformed: 1,
        ignored: 1,
        'no-key': 1,
        'too-long': 1,
      });
      assert.equal(opened.length, 1);
      assert.deepEqual(applied.at(-1), { stream: opened[0], position: text.length, ended: true });
      const letters = deadLetters.drain().sort((a, b) => a.position - b.position);
      assert.deepEqual(
        letters.map(({ reason, position, length, mask }) => [reason, position, length, mask]),
        [
          ['malformed', 4, 22, 'bad <18>'],
          ['too-long', text.indexOf('9 x'), 52, ''],
        ],
      );
    });
  }

  test('a last line that is not whole yet is read again, from its beginning, when the rest has come', async () => {
    for (const [text, position] of [
      ['1 a\n2 b\nhalf a', 8],
      ['1 a\n2 b\nhalf a\n', 15],
      ['1 a\n2 b', 7],
      ['half a', 0],
      ['1 a\n# note', 10],
    ] as const) {
      for (const chunk of [1, 1000]) {
        const { options, applied } = toyReader(sourceOf('toy', text, chunk));
        await times(new EventReader(options));
        const { position: at, ended } = applied.at(-1)!;
        assert.deepEqual([at, ended], [position, true], text);
      }
    }
  });

  test('what lies ahead of the clock is refused where that is asked for', async () => {
    const { options } = toyReader(sourceOf('toy', '1000 a\n1000301 b\n1000300 c'));
    assert.deepEqual(await times(new EventReader({ ...options, futureMs: 300 })), [1000, 1000300]);
    assert.deepEqual(rejectedByReason(options.counters), { future: 1 });
  });

  test('dead letters are bounded between two checkpoints', async () => {
    const { options, deadLetters } = toyReader(sourceOf('toy', 'bad\n'.repeat(25)));
    await times(new EventReader(options));
    assert.equal(deadLetters.drain().length, 10);
    assert.equal(deadLetters.dropped, 15);
  });
});

describe('mask', () => {
  const masked = (text: string) => mask(Buffer.from(text), 0, Buffer.byteLength(text));
  test('runs of six and more become their length, control and foreign bytes a question mark', () => {
    assert.equal(masked('{"k":"kh_live_0123","n":12345}'), '{"k":"<12>","n":12345}');
    assert.equal(masked('abcde abcdef abcdef'), 'abcde <6> <6>');
    assert.equal(masked('\u001b[31m\n<b>é'), '?[31m?<b>??');
    assert.equal(masked('.'.repeat(600)).length, 512);
    const written = ['%', '\\x', '\\u00'].map((sign) =>
      Buffer.from('secret').toString('hex').replaceAll(/../g, `${sign}$&`),
    );
    assert.equal(written.map(masked).join(' '), '<18> <24> <36>');
    assert.equal(masked('k=se%63re%74&a%20b %zz%6 \\u12'), 'k=<10>&a%20b %zz%6 \\u12');
  });
  test('no run of six word characters is ever left', () => {
    for (let i = 0; i < 300; i++) {
      const text = Array.from({ length: 40 }, (_, j) => 'aB3_-. "'[(i * 31 + j * j * 7) % 8]).join(
        '',
      );
      assert.doesNotMatch(masked(text).replaceAll(/<\d+>/g, '·'), /[A-Za-z0-9_-]{6}/);
    }
  });
});

/** A small generator, so that a failing seed can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

describe('merge', () => {
  const inputsOf = (files: readonly string[], chunk: number): MergeInput[] =>
    files.map((text, i) => ({
      name: `f${i}`,
      open: () => new EventReader(toyReader(sourceOf(`f${i}`, text, chunk)).options),
      peek: (signal) =>
        firstTime(sourceOf(`f${i}`, text, chunk), toyLines.createDecoder({}), signal),
    }));

  test('sorted files give one sorted sequence, equal times in the order of the files', async () => {
    const merged = createMerge(inputsOf(['1 a\n3 a\n5 a', '', '1 b\n3 b', 'bad', '0 d\n9 d'], 3));
    const keys: string[] = [];
    while (await merged.fill(never)) {
      while (merged.next()) keys.push(`${merged.event.at}${merged.event.key.id.slice(4)}`);
    }
    assert.deepEqual(keys, ['0d', '1a', '1b', '3a', '3b', '5a', '9d']);
  });

  test('the sequence depends neither on chunks nor on when files are opened', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed);
      const files = Array.from({ length: 12 }, (_, f) => {
        const begin = Math.floor(next() * 1000);
        const count = Math.floor(next() * 20);
        const rows = Array.from(
          { length: count },
          (_, i) => begin + i * 9 + Math.floor(next() * 30),
        );
        return rows.map((at) => (next() < 0.1 ? 'bad' : `${at} k${f}`)).join('\n');
      });
      const expected = await times(createMerge(inputsOf(files, 1000)));
      assert.ok(expected.length > 20);
      assert.deepEqual(await times(createMerge(inputsOf(files, 4))), expected, `seed ${seed}`);
      const lazy = createMerge(inputsOf(files, 1000), { eagerMax: 0 });
      assert.deepEqual(await times(lazy), expected, `seed ${seed}`);
    }
  });

  test('files that do not overlap are open one at a time; too many at once is a clear error', async () => {
    const apart = Array.from({ length: 50 }, (_, i) => `${i * 10} a\n${i * 10 + 5} a`);
    const merged = createMerge(inputsOf(apart, 1000), { eagerMax: 0, openMax: 1 });
    assert.equal((await times(merged)).length, 100);
    const together = Array.from({ length: 5 }, () => '1 a\n2 a');
    await assert.rejects(times(createMerge(inputsOf(together, 9), { eagerMax: 0, openMax: 4 })), {
      code: 'too-many-files',
    });
  });

  test('a stream is announced with its first event, and ended before younger files begin', async () => {
    const log: string[] = [];
    const inputs = ['1 a\n2 a', '5 b\n6 b'].map((text, i): MergeInput => {
      const { options } = toyReader(sourceOf(`f${i}`, text));
      return {
        name: `f${i}`,
        open: () =>
          new EventReader({
            ...options,
            openStream: () => log.push(`open ${i}`),
            onApplied: ({ ended }) => log.push(`${ended ? 'end' : 'applied'} ${i}`),
          }),
        peek: async () => 0,
      };
    });
    const merged = createMerge(inputs);
    while (await merged.fill(never)) while (merged.next()) log.push(`${merged.event.at}`);
    const told = log.filter((line) => !line.startsWith('applied'));
    assert.deepEqual(told, ['open 0', '1', '2', 'end 0', 'open 1', '5', '6', 'end 1']);
  });

  test('one reader is not wrapped', () => {
    assert.ok(createMerge(inputsOf(['1 a'], 9)) instanceof EventReader);
    assert.equal(toyJson.framing, 'json');
  });
});
