import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyhoundError } from '../../core/errors.ts';
import { parseCommand } from '../../traffic/command-line.ts';

function parse(args: string) {
  return parseCommand(args.split(' '));
}

test('a fault is a usage error that names the flag or the nearest right word', () => {
  const cases: [string, RegExp][] = [
    ['--sed 4 --out x', /Did you mean --seed\?/],
    ['--format kng --out x', /Did you mean kong\?/],
    ['--classes steddy --out x', /Did you mean steady\?/],
    ['--attack-kinds spke --out x', /Did you mean spike\?/],
    ['--days 0 --out x', /--days/],
    ['--seed 1.5 --out x', /--seed/],
    ['--rate 2..1 --out x', /--rate/],
    ['--keys 2 --attacks 3 --out x', /at most one a key/],
    ['--keys 2', /--out FILE is missing/],
    ['--from yesterday --out x', /--from/],
    ['stray --out x', /stray/],
    ['--out', /--out/],
  ];
  for (const [args, expected] of cases) {
    assert.throws(
      () => parse(args),
      (error) =>
        error instanceof KeyhoundError && error.kind === 'usage' && expected.test(error.message),
      args,
    );
  }
});

test('flags become options', () => {
  const command = parse(
    '--seed 9 --keys 5 --days 1.5 --format nginx --attacks 2 --attack-kinds silence,spike --from 2026-01-05T00:00:00Z --rate 1..10 --classes steady,cron --lines 8 --no-novelty --out a.gz --labels b --registry c',
  );
  assert.deepEqual(command, {
    help: false,
    format: 'nginx',
    out: 'a.gz',
    labels: 'b',
    registry: 'c',
    linesMax: 8,
    options: {
      seed: 9,
      keys: 5,
      days: 1.5,
      attacks: 2,
      novelty: false,
      fromAt: Date.UTC(2026, 0, 5),
      rates: { min: 1, max: 10 },
      classMix: { steady: 1, cron: 1 },
      attackKinds: ['silence', 'spike'],
    },
  });
  assert.equal(parse('--out x').options.keys, 200);
  assert.equal(parse('--help').help, true);
});
