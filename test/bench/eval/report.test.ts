import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARTS } from '../../../bench/eval/list.ts';
import { document, type Measured, markdown, missed } from '../../../bench/eval/report.ts';

const MEASURED: readonly Measured[] = [
  {
    part: { name: 'nab', summary: 'a benchmark' },
    result: {
      figures: [
        {
          what: 'standard',
          value: 66.654,
          line: { sense: 'atLeast', value: 66 },
          goal: { sense: 'atLeast', value: 72 },
          peers: [
            { name: 'HTM', value: 70.1, remark: 'looks ahead' },
            { name: 'RCF', value: 51.7 },
          ],
        },
        {
          what: 'false alarms',
          value: 1.4,
          digits: 1,
          unit: 'a day',
          line: { sense: 'atMost', value: 1 },
        },
      ],
      notes: ['a sentence'],
      details: { files: 58 },
    },
  },
  {
    part: { name: 'other', summary: 'another' },
    result: { figures: [{ what: 'recall', value: NaN, command: 'npm test' }], notes: [] },
  },
];

test('one table holds our figures, what is asked, what others published and the command of each', () => {
  assert.deepEqual(markdown(MEASURED).split('\n'), [
    '| what | Keyhound | line | goal | published by others | command |',
    '| --- | --- | --- | --- | --- | --- |',
    '| nab: standard | **66.65** | ≥ 66 | ≥ 72 | HTM 70.1 (looks ahead) · RCF 51.7 | `npm run eval -- nab` |',
    '| nab: false alarms | **1.4 a day** (missed) | ≤ 1 |  |  | `npm run eval -- nab` |',
    '| other: recall | **–** |  |  |  | `npm test` |',
    '',
    '- nab: a sentence',
    '',
  ]);
});

test('the JSON has the figures as measured, with part and command, and whether the line is met', () => {
  const { figures, details } = document(MEASURED) as {
    figures: { part: string; value: number; met?: boolean; command: string }[];
    details: object;
  };
  assert.deepEqual(
    figures.map(({ part, value, met, command }) => [part, value, met, command]),
    [
      ['nab', 66.654, true, 'npm run eval -- nab'],
      ['nab', 1.4, false, 'npm run eval -- nab'],
      ['other', NaN, undefined, 'npm test'],
    ],
  );
  assert.deepEqual(details, { nab: { files: 58 } });
});

test('a missed line is told as a sentence; a figure that could not be measured misses it too', () => {
  assert.deepEqual(missed(MEASURED), ['nab, false alarms: 1.4 a day, asked ≤ 1']);
  const nothing = { what: 'recall', value: NaN, line: { sense: 'atLeast', value: 0.7 } } as const;
  const [first] = MEASURED;
  assert.equal(missed([{ ...first!, result: { figures: [nothing], notes: [] } }]).length, 1);
});

test('every part has a name of its own that a command line can hold', () => {
  const names = PARTS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z]+$/);
});
