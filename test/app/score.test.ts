import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ScoredPoint, ScoreSummary } from '../../app/contract.ts';
import { readTime } from '../../app/score/series-file.ts';
import { score } from '../../app/score.ts';
import { run } from '../cli/memory-io.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-score-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
  return name;
}
function command(...words: string[]) {
  return run(['score', ...words], { cwd: folder, assemblies: { score } });
}

/** Hourly rows with a slight wave, and a leap at `leapAt`. */
function rows(count: number, leapAt = -1): string[] {
  return Array.from({ length: count }, (_, i) => {
    const at = new Date(Date.UTC(2026, 0, 1, i)).toISOString().replace('T', ' ').slice(0, 19);
    return `${at},${i === leapAt ? 5000 : 100 + (i % 7)}`;
  });
}

test('writes a row for each row read, its texts as they were, score and alarm behind them', async () => {
  const lines = rows(400, 395);
  lines[3] = '"2026-01-01 03:00:00",+1.030e2';
  write('a.csv', `timestamp,value\n${lines.join('\n')}\n`);
  const ran = await command('a.csv');
  assert.equal(ran.status, 0);
  const [header, ...out] = ran.stdout.trimEnd().split('\n');
  assert.equal(header, 'timestamp,value,score,alarm');
  assert.deepEqual(
    out.map((line) => line.split(',').slice(0, 2).join(',')),
    lines,
  );
  assert.match(out[395]!, /,5000,\d+(\.\d+)?,1$/);
  assert.ok(out.slice(0, 395).every((line) => line.endsWith(',0')));
  assert.match(ran.stderr, /^400 rows, 1 alarm \(score ≥ \S+\)\.\n$/);
});

test('a header in any case and order, CRLF, a byte order mark and more columns make no difference', async () => {
  const lines = rows(60, 50);
  const swapped = lines.map((line) => `x,${line.split(',').reverse().join(',')},1`);
  write('plain.csv', `timestamp,value\n${lines.join('\n')}`);
  write('other.csv', `\ufeffa,Value,"TimeStamp",Label\r\n${swapped.join('\r\n')}\r\n\r\n`);
  assert.equal((await command('other.csv')).stdout, (await command('plain.csv')).stdout);
});

test('a label is never read', async () => {
  const labelled = (label: (i: number) => string) =>
    `TimeStamp,Value,Label\n${rows(80, 70)
      .map((line, i) => `${line},${label(i)}`)
      .join('\n')}\n`;
  write(
    'right.csv',
    labelled((i) => (i === 70 ? '1' : '0')),
  );
  write(
    'wrong.csv',
    labelled((i) => (i === 70 ? '0' : '1')),
  );
  assert.equal((await command('right.csv')).stdout, (await command('wrong.csv')).stdout);
});

test('rows without a time or a number are written, score 0, counted, and change nothing else', async () => {
  const good = rows(60, 50);
  const bad = [
    'yesterday,5',
    '2026-01-03 00:30:00,',
    '2026-01-03 00:31:00,NaN',
    '2026-01-03',
    ',',
    '"',
  ];
  write('good.csv', `timestamp,value\n${good.join('\n')}\n`);
  write(
    'bad.csv',
    `timestamp,value\n${[...good.slice(0, 40), ...bad, ...good.slice(40)].join('\n')}\n`,
  );
  const ran = await command('bad.csv');
  assert.equal(ran.status, 0);
  const out = ran.stdout.trimEnd().split('\n');
  assert.deepEqual(out.slice(41, 47), [
    'yesterday,5,0,0',
    '2026-01-03 00:30:00,,0,0',
    '2026-01-03 00:31:00,NaN,0,0',
    '2026-01-03,,0,0',
    ',,0,0',
    '",,0,0',
  ]);
  assert.equal(`${out.toSpliced(41, 6).join('\n')}\n`, (await command('good.csv')).stdout);
  assert.match(ran.stderr, /66 rows, .*; 6 rows without a time or a number\.\n$/);
});

test('several files go into a folder under their names, whole; a broken one fails and costs no other', async () => {
  write('in/one.csv', `timestamp,value\n${rows(30).join('\n')}\n`);
  write('in/two.csv', `timestamp,value\n${rows(30, 25).join('\n')}\n`);
  write('in/text.csv', 'Dear reader,\nthis is a letter\n');
  write('in/empty.csv', '');
  const names = ['one', 'text', 'empty', 'none', 'two'].map((name) => `in/${name}.csv`);
  const ran = await command(...names, 'in', '--out', 'out/deep');
  assert.equal(ran.status, 1);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, /in\/text\.csv: its first line does not name a timestamp and a value/);
  assert.match(ran.stderr, /in\/empty\.csv: nothing stands in it/);
  assert.match(ran.stderr, /in\/none\.csv: there is no such file/);
  assert.match(ran.stderr, /in: a folder, not a file/);
  assert.match(ran.stderr, /\[series-unreadable\]/);
  assert.deepEqual(readdirSync(path.join(folder, 'out/deep')).sort(), ['one.csv', 'two.csv']);
  for (const name of ['one', 'two']) {
    const alone = await command(`in/${name}.csv`);
    assert.equal(readFileSync(path.join(folder, `out/deep/${name}.csv`), 'utf8'), alone.stdout);
  }
});

test('nothing that is read is overwritten, and nothing written twice', async () => {
  write('x/a.csv', `timestamp,value\n${rows(5).join('\n')}\n`);
  write('y/a.csv', 'timestamp,value\n');
  for (const words of [
    ['x/a.csv', 'y/a.csv', '--out', 'both'],
    ['x/a.csv', '--out', 'x'],
    ['x/a.csv', 'y/a.csv'],
  ]) {
    const ran = await command(...words);
    assert.equal(ran.status, 2, words.join(' '));
    assert.equal(ran.stdout, '');
  }
  assert.ok(!existsSync(path.join(folder, 'both')));
});

test('a folder that cannot be written is told by its name, and leaves nothing half written', async () => {
  write('w.csv', `timestamp,value\n${rows(5).join('\n')}\n`);
  write('taken', 'a file');
  const ran = await command('w.csv', '--out', 'taken');
  assert.equal(ran.status, 1);
  assert.match(ran.stderr, /taken: the scores cannot be written \(EEXIST\)/);
  mkdirSync(path.join(folder, 'blocked/w.csv'), { recursive: true });
  assert.match((await command('w.csv', '--out', 'blocked')).stderr, /\[scores-unwritable\]/);
  assert.deepEqual(readdirSync(path.join(folder, 'blocked')), ['w.csv']);
});

test('a series of which no row can be read fails: it has no alarm, and is not well', async () => {
  const american = rows(30).map((line) => line.replace(/^(\d+)-(\d+)-(\d+)/, '$2/$3/$1'));
  write('american.csv', `timestamp,value\n${american.join('\n')}\n`);
  const ran = await command('american.csv');
  assert.equal(ran.status, 1);
  assert.equal(ran.stdout.split('\n').length, 32);
  assert.match(ran.stderr, /american\.csv: none of 30 rows has a time and a number \[series-unre/);
  write('fine.csv', `timestamp,value\n${rows(30).join('\n')}\n`);
  const both = await command('american.csv', 'fine.csv', '--out', 'mixed', '--json');
  assert.equal(both.status, 1);
  assert.deepEqual(readdirSync(path.join(folder, 'mixed')), ['american.csv', 'fine.csv']);
  assert.match(both.stdout, /"type":"summary","files":2,"rows":60,"unscored":30,/);
});

test('rows older than the one before are counted: newest first is judged the wrong way round', async () => {
  write('newest.csv', `timestamp,value\n${rows(30).reverse().join('\n')}\n`);
  const ran = await command('newest.csv');
  assert.equal(ran.status, 0);
  assert.match(ran.stderr, /30 rows, .*; 29 rows older than the row before: sort by time/);
});

test('a first line that is something else is told as what it is', async () => {
  for (const [text, hint] of [
    [gzipSync('timestamp,value\n'), /compressed: `zcat`/],
    [zstdCompressSync('timestamp,value\n'), /compressed: `zcat`/],
    [Buffer.from('timestamp,value\n', 'utf16le'), /UTF-16/],
    ['timestamp;value\n', /not parted by commas/],
    ['"Timestamp"\tvalue\n', /not parted by commas/],
    ['time,value\n', /^hint: A series is CSV/m],
  ] as const) {
    writeFileSync(path.join(folder, 'other.csv'), text);
    const ran = await command('other.csv');
    assert.equal(ran.status, 1);
    assert.match(ran.stderr, hint);
  }
});

test('a file with a header only gives one', async () => {
  write('header.csv', 'timestamp,value\n');
  assert.equal((await command('header.csv')).stdout, 'timestamp,value,score,alarm\n');
});

test('--json: points, the series, and the sum as NDJSON, nothing else on stdout', async () => {
  write('j.csv', `timestamp,value\n${rows(40, 35).join('\n')}\nnever,1\n2026-01-05,\n`);
  const ran = await command('j.csv', '--json');
  const objects = ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ScoredPoint | ScoreSummary);
  assert.equal(objects.length, 44);
  assert.deepEqual(objects[40], {
    type: 'point',
    file: 'j.csv',
    timestamp: 'never',
    value: 1,
    score: 0,
    alarm: false,
    scored: false,
  });
  const summary = objects[43] as ScoreSummary;
  assert.deepEqual(objects[42], {
    type: 'series',
    file: 'j.csv',
    rows: 42,
    unscored: 2,
    backwards: 0,
    alarms: summary.alarms,
  });
  assert.equal(summary.type, 'summary');
  for (const point of objects.slice(0, 42) as ScoredPoint[]) {
    assert.equal(point.alarm, point.score >= summary.alarmAt);
  }
});

test('the verdict is that of the score that is written, also near the limit', async () => {
  const heights = Array.from({ length: 30 }, (_, i) => 104 + 2 * i);
  const lines = rows(1500).map((line, i) =>
    i >= 300 && i % 40 === 0 ? line.replace(/,.*/, `,${heights[(i - 320) / 40]}`) : line,
  );
  write('near.csv', `timestamp,value\n${lines.join('\n')}\n`);
  const { stdout } = await command('near.csv');
  const verdicts = stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').slice(2).map(Number));
  for (const [points, alarm] of verdicts) assert.equal(alarm, Number(points! >= 3));
  assert.ok(verdicts.some(([points]) => points! > 2 && points! < 3));
  assert.ok(verdicts.some(([points]) => points! >= 3));
});

test('times are read in the ways that series have them', () => {
  const at = Date.UTC(2026, 1, 3, 4, 5, 6);
  for (const text of [
    '2026-02-03 04:05:06',
    '2026-02-03T04:05:06Z',
    '2026-02-03T04:05:06.000000',
    '2026-02-03T05:05:06+01:00',
    '2026-02-03 03:35:06 -0030',
    '2026-02-03 04:05:06 UTC',
    '2026-02-03 05:05:06.000+01',
    '2026/02/03 04:05:06',
    String(at / 1000),
    String(at),
    `${at}000`,
    `${at}000000`,
  ]) {
    assert.equal(readTime(text), at, text);
  }
  assert.equal(readTime('2026-02-03 04:05'), at - 6000);
  assert.equal(readTime('2026-02-03'), Date.UTC(2026, 1, 3));
  for (const text of [
    '',
    'x',
    '2026-13-01 00:00:00',
    '04:05:06',
    '3 Feb 2026',
    '-5',
    '02/03/2026 04:05',
    '2026-02/03',
  ]) {
    assert.ok(Number.isNaN(readTime(text)), text);
  }
});
