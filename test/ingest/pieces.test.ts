import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Framing } from '../../core/format.ts';
import { Framer } from '../../ingest/framing.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20260301);
const MAX = 200;

interface Cut {
  /** Records and drops by position. */
  readonly told: string[];
  /** After each chunk: where to go on. */
  readonly marks: number[];
}

function cut(framing: Framing, text: Buffer, chunk: number, from = 0): Cut {
  const framer = new Framer(framing, { recordBytesMax: MAX, position: from });
  const told: string[] = [];
  const marks: number[] = [];
  for (let at = from; ; at += chunk) {
    const ended = at + chunk >= text.length;
    framer.push(text.subarray(at, at + chunk));
    framer.cut(ended);
    for (let i = 0; i < framer.count; i++) {
      const record = framer.bytes.toString('utf8', framer.starts[i]!, framer.ends[i]!);
      told.push(`${framer.positions[i]} ${record}`);
    }
    for (const { position, length } of framer.tooLong) told.push(`${position} dropped ${length}`);
    marks.push(framer.nextPosition);
    assert.ok(framer.bytes.length < 20 * MAX + 8 * chunk + 4096, 'what is held is bounded');
    if (ended) return { told: told.toSorted((a, b) => positionOf(a) - positionOf(b)), marks };
  }
}

const cri = (stream: string, tag: string, text: string): string =>
  `2026-11-22T04:18:21Z ${stream} ${tag} ${text}`;
const docker = (stream: string, tag: string, text: string): string =>
  JSON.stringify({ log: tag === 'F' ? `${text}\n` : text, stream, time: 'x' });
const positionOf = (told: string): number => Number.parseInt(told, 10);

test('the pieces of a line are one record; what the other stream wrote comes after it', () => {
  const lines = [
    cri('stdout', 'F', 'one'),
    cri('stdout', 'P', 'tw'),
    cri('stderr', 'F', 'oops'),
    cri('stdout', 'F:tag', 'o'),
    '2026-11-22T04:18:21Z stdout X of another kind',
    cri('stdout', 'F', 'three'),
  ];
  const starts = lines.map((_, i) => lines.slice(0, i).join('\n').length + (i === 0 ? 0 : 1));
  const { told } = cut('cri', Buffer.from(`${lines.join('\n')}\n`), 1000);
  assert.deepEqual(told, [
    `0 ${lines[0]}`,
    `${starts[1]} ${lines.slice(1, 4).join('\n')}`,
    `${starts[2]} ${lines[2]}`,
    `${starts[4]} ${lines[4]}`,
    `${starts[5]} ${lines[5]}`,
  ]);
});

test('a line that never ends is held in bounds, and nothing is read of it', () => {
  const all = Buffer.from(`${cri('stdout', 'P', 'x'.repeat(40))}\n`.repeat(1000));
  assert.deepEqual(cut('cri', all, 30).told, [`0 dropped ${all.length}`]);
});

test('a line that never ends is dropped as one, with what lies between, and the next is read', () => {
  const piece = cri('stdout', 'P', 'x'.repeat(40));
  const text = [
    piece,
    piece,
    cri('stderr', 'F', 'in between'),
    piece,
    piece,
    cri('stdout', 'F', ''),
  ];
  const all = Buffer.from(`${text.join('\n')}\r\n${cri('stdout', 'F', 'next')}\n`);
  const { told } = cut('cri', all, 30);
  const length = text.join('\n').length;
  assert.deepEqual(told, [`0 dropped ${length}`, `${length + 2} ${cri('stdout', 'F', 'next')}`]);
});

for (const [framing, line] of [
  ['cri', cri],
  ['docker', docker],
] as const) {
  const lines = fc.array(
    fc.oneof(
      fc
        .record({
          stream: fc.constantFrom('stdout', 'stderr'),
          tag: fc.constantFrom('P', 'F', 'F'),
          text: fc.constantFrom(
            '',
            'a',
            '\\',
            '\\n',
            'b'.repeat(30),
            'c'.repeat(90),
            'd'.repeat(MAX),
            '"\\',
          ),
        })
        .map(({ stream, tag, text }) => line(stream, tag, text)),
      fc.constantFrom('', '   ', 'junk', 'j'.repeat(MAX + 1), ' '.repeat(MAX + 2)),
    ),
    { maxLength: 25 },
  );
  test(`${framing}: records are a function of the bytes, reading goes on anywhere, positions grow`, () => {
    fc.assert(
      fc.property(
        lines,
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 90 }),
        (all, end, ended, chunk) => {
          const text = Buffer.from(all.join(end) + (ended ? end : ''));
          const whole = cut(framing, text, 1 << 20);
          const parts = cut(framing, text, chunk);
          assert.deepEqual(parts.told, whole.told);
          const at = whole.told.map(positionOf);
          assert.deepEqual(
            at,
            at.toSorted((a, b) => a - b),
          );
          assert.equal(new Set(at).size, at.length);
          for (const next of parts.marks.filter((position) => position > 0)) {
            const rest = whole.told.filter((each) => positionOf(each) >= next);
            assert.deepEqual(cut(framing, text, chunk, next).told, rest);
          }
        },
      ),
      { seed: SEED, numRuns: 400 },
    );
  });
}
