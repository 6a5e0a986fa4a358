import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Demo } from '../../app/contract.ts';
import { EXIT } from '../../cli/exit.ts';
import { jsonLine } from '../../cli/print/json-line.ts';
import { keyLines } from '../../cli/print/key.ts';
import { size, span } from '../../cli/print/numbers.ts';
import { createPrinter } from '../../cli/print/printer.ts';
import { createProgress } from '../../cli/print/progress.ts';
import { fit, PLAIN, pad, styledWidth, widthOf } from '../../cli/print/style.ts';
import { tableLines } from '../../cli/print/table.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { sampleAction, sampleDecision } from '../support/response-samples.ts';
import { clientWith, finding, incident, key, run, summary } from './memory-io.ts';

test('a table keeps to the terminal, cuts what may be cut and shows that it did', () => {
  const columns = [
    { title: 'NAME', shrinkTo: 6, text: (row: readonly string[]) => row[0]! },
    { title: 'N', align: 'right' as const, text: (row: readonly string[]) => row[1]! },
  ];
  const rows = [
    ['a-very-long-name', '5'],
    ['鍵鍵鍵鍵鍵', '123'],
    ['b\u001b[2J', ''],
  ];
  const lines = tableLines(columns, rows, 14, PLAIN);
  assert.equal(lines.length, 4);
  assert.equal(lines[1], 'a-very-l…    5');
  assert.equal(lines[2], '鍵鍵鍵鍵…  123');
  assert.equal(lines[3], 'b?[2J');
  for (const line of lines) assert.ok(widthOf(line) <= 14, line);
});

test('widths count what a terminal shows', () => {
  assert.equal(widthOf('abc'), 3);
  assert.equal(widthOf('e\u0301'), 1);
  assert.equal(widthOf('鍵'), 2);
  assert.equal(fit('abcdef', 4), 'abc…');
  assert.equal(fit('abc', 3), 'abc');
  assert.equal(pad('鍵', 4, 'right'), '  鍵');
});

test('sizes and spans read well at every magnitude', () => {
  assert.deepEqual([0, 1023, 1536, 3 * 2 ** 30].map(size), ['0 B', '1023 B', '1.5 KiB', '3.0 GiB']);
  assert.deepEqual([0, 4200, 59_000, 125_000, 3_600_000, 90_000_000].map(span), [
    '0.0s',
    '4.2s',
    '59s',
    '2m 5s',
    '1h',
    '1d 1h',
  ]);
});

test('a JSON line keeps its value, and holds nothing that a terminal acts upon', () => {
  const value = { text: 'a\u001b[31m\u009b\u007f\u202e\u{e0041}é\n' };
  const line = jsonLine(value);
  assert.deepEqual(JSON.parse(line), value);
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
});

function memoryPrinter(tty: boolean, width = 100) {
  const written: string[] = [];
  const output = { isTTY: tty, columns: () => width, write: (text: string) => written.push(text) };
  const printer = createPrinter(
    {
      stdout: output,
      stderr: output,
      env: {},
      cwd: '',
      clock: { now: () => 0 },
      signal: new AbortController().signal,
      readStdin: async () => '',
    },
    false,
  );
  return { printer, written };
}

test('lines scroll above the status line, and it is removed at the end', () => {
  const { printer, written } = memoryPrinter(true);
  printer.status('busy');
  printer.line('a result');
  printer.status('');
  assert.equal(written.join(''), '\r\u001b[2Kbusy\r\u001b[2Ka result\nbusy\r\u001b[2K');
});

test('progress is a bar with rate and time left on a terminal, a line every 5 s elsewhere', () => {
  const facts = { share: 0.25, amount: '1 KiB of 4 KiB', eventsPerSecond: 1234, atMs: 0 };
  let now = 0;
  const bar = memoryPrinter(true);
  const progress = createProgress(bar.printer, () => now);
  now = 2000;
  progress.show(facts);
  assert.match(
    bar.written.join(''),
    /██████░+ 25 %, 6\.0s left, 1,234 events\/s, 1 KiB of 4 KiB, at 1970/,
  );
  now = 0;
  const plain = memoryPrinter(false);
  const quiet = createProgress(plain.printer, () => now);
  for (now = 500; now <= 11_000; now += 500) quiet.show({ ...facts, share: undefined });
  assert.deepEqual(plain.written, [
    '1,234 events/s, 1 KiB of 4 KiB, at 1970-01-01 00:00 UTC\n',
    '1,234 events/s, 1 KiB of 4 KiB, at 1970-01-01 00:00 UTC\n',
  ]);
});

test('on a narrow terminal the bar gives way to the words', () => {
  let now = 0;
  const narrow = memoryPrinter(true, 60);
  const progress = createProgress(narrow.printer, () => now);
  now = 2000;
  progress.show({ share: 0.25, amount: '1 KiB of 4 KiB', eventsPerSecond: 1234, atMs: 0 });
  assert.match(narrow.written.join(''), /25 %, 6\.0s left, 1,234 events\/s, 1 KiB of 4 KiB/);
  assert.ok(!narrow.written.join('').includes('░'));
});

const demo: Demo = async (options) => {
  options.onPhase({ phase: 'history', keys: 200, days: 28, fromAt: 0 });
  options.onIncident(incident({ id: 'old' }));
  options.onPhase({
    phase: 'live',
    keys: 200,
    days: 28,
    fromAt: 0,
    history: { events: 1_000_000, seconds: 8 },
  });
  options.onFinding?.(finding());
  options.onIncident(incident({ severity: 'low' }));
  options.onIncident(incident({ severity: 'low', revision: 2 }));
  options.onIncident(incident({ severity: 'high', revision: 3 }));
  options.onIncident(incident({ revision: 4, closedAt: '2026-03-01T10:30:00.000Z' }));
  options.onDecision?.(sampleDecision({ mode: 'observe', state: 'noted' }));
  for (const revision of [1, 2]) options.onAction?.(sampleAction({ revision, state: 'done' }));
  options.onAction?.(sampleAction({ state: 'done', verdict: 'not-contained' }));
  return summary({ events: 1_000_100, subjects: 200, incidents: { high: 1 }, seconds: 60 });
};

test('the demo shows incidents as they open, grow and close, each change once', async () => {
  const { stdout, status } = await run(['demo', '--for', '1h'], { assemblies: { demo } });
  assert.equal(status, 0);
  assert.match(stdout, /it only observes/);
  assert.match(stdout, / would {3}suspend; it only observes {2}kong:7f2d\n/);
  assert.equal(stdout.match(/ acted {3}suspend, after/g)?.length, 1, 'the same is said once');
  assert.match(stdout, / acted {3}NOT contained {2}kong:7f2d\n/);
  const changes = [...stdout.matchAll(/ (opened|grew|closed) +(\w+) +billing-export/g)];
  assert.deepEqual(
    changes.map((change) => change.slice(1)),
    [
      ['opened', 'low'],
      ['grew', 'high'],
      ['closed', 'high'],
    ],
  );
  assert.match(stdout, /1,000,000 uses learned in 8\.0s/);
});

/** As gateways and people name keys. */
const LONG = {
  kind: 'key',
  id: 'kong:3f306475-4db8-4e2d-8b75-11ec799eaef9',
  label: 'silver-cargo-mobile-28',
} as const;

const longDemo: Demo = async (options) => {
  const change = { subject: LONG, findings: ['f-1', 'f-2', 'f-3'] };
  for (const detector of ['impossible-travel', 'new-place', 'volume-spike'])
    options.onFinding?.(
      finding({ id: `f-${['i', 'n', 'v'].indexOf(detector[0]!) + 1}`, detector }),
    );
  const told = await demo({
    ...options,
    onIncident: (line) => options.onIncident({ ...line, ...change }),
    onDecision: (line) => options.onDecision?.({ ...line, subject: LONG }),
    onAction: (line) => options.onAction?.({ ...line, subject: LONG }),
  });
  options.onAutomatic?.();
  return told;
};

for (const columns of [40, 50, 79, 80, 100, 140]) {
  test(`on a terminal of ${columns} columns no line is wider`, async () => {
    const state = clientWith({
      incidents: async () => [incident({ subject: LONG })],
      key: async () => ({ kind: 'found', key: key({ id: LONG.id, label: LONG.label }), usage: [] }),
    });
    for (const words of [
      ['demo'],
      ['demo', '--automatic'],
      ['--help'],
      ['replay', '--help'],
      ['silence', '--help'],
      ...(columns < 79 ? [] : [['incidents'], ['keys', 'show', LONG.id]]),
    ]) {
      const assemblies = { demo: longDemo, ...state };
      const { stdout } = await run(words, { tty: true, columns, assemblies });
      const lines = stdout.split('\n').filter((line) => !/^ {2}keyhound /.test(line));
      for (const line of lines) {
        assert.ok(styledWidth(line) <= columns, `${words.join(' ')}: ${line}`);
      }
      assert.ok(lines.length > 2, words.join(' '));
    }
  });
}

test('where no person reads, no id is left out for want of columns', async () => {
  const { stdout } = await run(['demo'], { assemblies: { demo: longDemo } });
  assert.match(stdout, new RegExp(`opened +low +${LONG.label} \\(${LONG.id}\\)`));
});

test('--help names every exit status', async () => {
  const { stdout } = await run(['--help']);
  for (const status of Object.values(EXIT))
    assert.match(stdout, new RegExp(`^ +${status} {2}[a-z]`, 'm'));
});

test('the demo as JSON is lines only', async () => {
  const { stdout } = await run(['demo', '--json'], { assemblies: { demo } });
  const types = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { type: string }).type);
  assert.equal(types.at(-1), 'summary');
  assert.equal(types.filter((type) => type === 'incident').length, 5);
});

test('a demo that cannot begin shows its error alone', async () => {
  const refused: Demo = async () => {
    throw new KeyhoundError('usage', 'there is a state already', { code: 'state-exists' });
  };
  const { stdout, stderr, status } = await run(['demo', '--state', 'x'], {
    assemblies: { demo: refused },
  });
  assert.deepEqual([stdout, status], ['', 2]);
  assert.match(stderr, /state already/);
});

const COLOURLESS = { NO_COLOR: '1', TERM: 'dumb' };

test('where no terminal is, no id is cut: lists are for grep and the next command', async () => {
  const id = `h:${'0123456789abcdef'.repeat(2)}`;
  const assemblies = clientWith({
    keys: async () => [key({ id, consumer: 'a consumer with a name that is long' })],
    incidents: async () => [incident({ subject: { kind: 'key', id } })],
  });
  for (const list of ['keys', 'incidents']) {
    const { stdout } = await run([list], { assemblies, columns: 60 });
    assert.ok(stdout.includes(id), stdout);
    assert.ok(!stdout.includes('…'), stdout);
  }
});

test('the list of keys keeps to a narrow terminal by leaving columns out', async () => {
  const assemblies = clientWith({ keys: async () => [key()] });
  for (const columns of [100, 80, 70]) {
    const { stdout } = await run(['keys'], { assemblies, columns, tty: true, env: COLOURLESS });
    for (const line of stdout.split('\n')) assert.ok(widthOf(line) <= columns, line);
    assert.match(stdout, /KEY .*LAST \(UTC\).*READINESS/);
    assert.equal(stdout.includes('FIRST'), columns === 100);
  }
});

test('a key is told to be watched by so many detectors, and why not by the others', async () => {
  const since = '2026-02-08T00:00:00.000Z';
  const watched = key({
    readiness: {
      'volume-spike': { state: 'ready', since },
      'volume-drop': { state: 'learning', since, until: '2026-03-08T00:00:00.000Z' },
      'new-place': { state: 'degraded', since, why: 'geography data 400 days old' },
      client: { state: 'unprotected', since, why: 'no user agent in its records' },
      scope: { state: 'unprotected', since, why: 'no scope in the registry' },
    },
    learned: { spread: { networksAnHour: 2, sharing: 0.5 } },
  });
  const list = await run(['keys'], {
    assemblies: clientWith({ keys: async () => [watched] }),
    columns: 300,
  });
  const words =
    '1 ready, 1 learning, 1 degraded: geography data 400 days old, 2 unprotected: no user agent, no scope';
  assert.ok(list.stdout.includes(words), list.stdout);
  const shown = await run(['keys', 'show', 'billing-export'], {
    assemblies: clientWith({ key: async () => ({ kind: 'found', key: watched, usage: [] }) }),
    columns: 160,
  });
  assert.match(shown.stdout, /sharing +0\.50 of 1, as of 2\.0 users who take turns/);
  assert.match(shown.stdout, /volume-drop +learning +2026-02-08 00:00:00 +2026-03-08 00:00:00/);
  assert.match(shown.stdout, /client +unprotected .* no user agent in its records/);
});

test('the names of what is told of a key stand apart from it', () => {
  const replaced = { id: 'kong:old', lastAt: '2026-03-01T00:00:00.000Z' };
  const lines = keyLines(key({ likelyPredecessor: replaced }), [], 200, PLAIN);
  const facts = lines.slice(1, lines.indexOf(''));
  assert.ok(facts.some((line) => line.includes('likely kong:old')));
  for (const line of facts) assert.match(line, /^.{11} \S/, line);
});

test('the list of incidents keeps to a narrow terminal, and always shows the id', async () => {
  const long = incident({
    id: 'inc_0123456789abcdef01234567',
    closedAt: '2026-03-01T12:34:00.000Z',
  });
  const assemblies = clientWith({ incidents: async () => [long] });
  for (const columns of [120, 80, 70]) {
    const { stdout } = await run(['incidents'], {
      assemblies,
      columns,
      tty: true,
      env: COLOURLESS,
    });
    for (const line of stdout.split('\n')) assert.ok(widthOf(line) <= columns, line);
    assert.ok(stdout.includes(long.id));
    assert.equal(stdout.includes('WHY'), columns === 120);
  }
});
