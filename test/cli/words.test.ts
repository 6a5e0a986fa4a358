import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from '../../cli/commands/list.ts';
import { readDuration, readInstant, readNumber } from '../../cli/values.ts';
import { NOW, run, summary } from './memory-io.ts';

test('a wrong word gets the nearest right one, and exit status 2', async () => {
  const cases: readonly (readonly [words: string, told: RegExp])[] = [
    ['reply', /unknown command "reply"\nhint: Did you mean `keyhound replay`\?/],
    ['kyes', /Did you mean `keyhound keys`\?/],
    ['zzzzzzzz', /unknown command "zzzzzzzz"\nhint: See `keyhound --help`/],
    ['keys shwo a', /Did you mean `keyhound keys show`\?/],
    ['config', /config: say what to do\nhint: One of: config check, config schema, config docs/],
    ['config chek', /Did you mean `keyhound config check`\?/],
    ['replay a --fromat kong', /unknown option --fromat\nhint: Did you mean --format\?/],
    ['replay a --fail-on hgih', /Did you mean high\? One of info, low, medium, high, critical\./],
    ['replay a --format', /--format needs a value/],
    ['keys --json=yes', /--json takes no value/],
    ['keys --limit 0', /From 1 to/],
    ['keys --limit 1e3', /not a whole number/],
    ['keys --since yesterday', /E\.g\. 2h \(ago\)/],
    ['demo --for 5', /E\.g\. 90s/],
    ['run --role detct', /Did you mean detect\?/],
    ['explain', /explain: ID is missing/],
    ['explain a b', /explain: 2 words, 1 at most/],
    ['keys -x', /unknown option -x/],
  ];
  for (const [words, told] of cases) {
    const ran = await run(words.split(' '));
    assert.equal(ran.status, 2, words);
    assert.match(ran.stderr, told, words);
    assert.equal(ran.stdout, '', words);
  }
});

test('commands of later versions do not exist', async () => {
  for (const word of ['rotate', 'report', 'drill']) {
    assert.equal((await run([word])).status, 2, word);
  }
});

test('every command explains itself, with all its options and an example', async () => {
  for (const command of COMMANDS) {
    const { status, stdout } = await run([...command.name.split(' '), '--help']);
    assert.equal(status, 0, command.name);
    for (const option of [...Object.keys(command.options), 'help', 'json', 'config', 'version']) {
      assert.ok(stdout.includes(`--${option}`), `${command.name} --${option}`);
    }
    assert.notEqual(command.examples.length, 0);
    for (const [example] of command.examples) {
      assert.ok(example.startsWith(command.name), `${command.name}: ${example}`);
      assert.ok(stdout.includes(example));
    }
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
  }
  const general = await run(['--help']);
  for (const { name } of COMMANDS) assert.ok(general.stdout.includes(name), name);
});

test('a word that only begins commands lists them on --help', async () => {
  for (const words of [
    ['silence', '--help'],
    ['-h', 'silence'],
    ['--json', 'silence', '-h'],
  ]) {
    const { status, stdout } = await run(words);
    assert.equal(status, 0);
    assert.match(stdout, /silence add .*\n +silence list .*\n +silence remove ID /);
    assert.ok(!stdout.includes('allow add'));
  }
  assert.match((await run(['silence', 'add', '-h'])).stdout, /--for DURATION/);
  assert.equal((await run(['silnce', '--help'])).status, 2);
});

test('--help needs no right words beside it; --version tells the version', async () => {
  assert.equal((await run(['explain', '--help'])).status, 0);
  assert.equal((await run(['keys', '-h'])).status, 0);
  assert.equal((await run(['--version'])).stdout, '1.2.3\n');
  assert.equal((await run(['keys', '--version'])).stdout, '1.2.3\n');
});

test('without a command the demo runs', async () => {
  let seed: number | undefined;
  const demo = async (options: { seed?: number | undefined }) => {
    seed = options.seed;
    return summary();
  };
  assert.equal((await run(['--seed', '7'], { assemblies: { demo } })).status, 0);
  assert.equal(seed, 7);
});

test('durations, instants and numbers are read as written, or not at all', () => {
  assert.equal(readDuration('90s'), 90_000);
  assert.equal(readDuration('1h30m'), 5_400_000);
  assert.equal(readDuration('1.5d'), 129_600_000);
  for (const wrong of ['', '5', 's', '-1h', '1h 30m', '1y', '1hs']) {
    assert.equal(readDuration(wrong), undefined, wrong);
  }
  assert.equal(readInstant('2h', NOW), NOW - 7_200_000);
  assert.equal(readInstant('2026-03-01', NOW), Date.UTC(2026, 2, 1));
  assert.equal(readInstant('2026-03-01T10:00:00+01:00', NOW), Date.UTC(2026, 2, 1, 9));
  for (const wrong of ['2026-3-1', '2026-02-31T25:00:00Z', 'now', '2026-03-01T10:00:00']) {
    assert.equal(readInstant(wrong, NOW), undefined, wrong);
  }
  assert.equal(readNumber('12', 0, 12), 12);
  for (const wrong of ['13', '0x1', '1.5', '', ' 1'])
    assert.equal(readNumber(wrong, 0, 12), undefined);
});
