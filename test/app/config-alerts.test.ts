/** Faults of channels and of senders of reports: all at once, at their lines, without a word of a secret. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { faultInWords, readConfig } from '../../app/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-config-alerts-'));
after(() => rmSync(folder, { recursive: true }));

const ONE = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const TWO = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

function faults(text: string): string[] {
  const file = join(folder, 'keyhound.yaml');
  writeFileSync(file, text);
  return readConfig({ file, env: { ONE, TWO }, cwd: folder }).faults.map(faultInWords);
}

test('good channels and senders have no faults', () => {
  const text = [
    'channels:',
    '  - {name: a, kind: slack, url: https://hooks.example/a, fallback: b}',
    '  - {name: b, kind: webhook, url: https://hooks.example/b, secret: ["${env:ONE}", "${env:TWO}"]}',
    '  - {name: c, kind: log, kinds: [heartbeat], heartbeatMinutes: 1}',
    'hooks:',
    '  leak:',
    '    - {name: a, secret: "${env:ONE}"}',
    '    - {name: b, secret: ["${env:TWO}"], rung: suspend, consumers: [acme]}',
  ];
  assert.deepEqual(faults(text.join('\n')), []);
});

test('every fault of them is told at its line', () => {
  const text = [
    'channels:',
    '  - {name: a, kind: slakc, fallback: a}',
    '  - {name: a, kind: slack, url: "ftp://hooks.example/a", fallback: bb}',
    '  - {name: b, kind: log, level: high}',
    '  - {name: c, kind: webhook, url: https://hooks.example/b, secret: made-up-and-not-good}',
    'hooks:',
    '  leak:',
    '    - {name: a, secret: "${env:ONE}"}',
    '    - {name: a, secret: ["${env:TWO}", "${env:ONE}"]}',
    '    - {name: c, secret: made-up-and-not-good}',
  ];
  const told = faults(text.join('\n'));
  const expected = [
    /line 2, channels\[0\]\.fallback: a channel cannot be its own fallback/,
    /line 2, channels\[0\]\.kind: no such kind of channel\. Did you mean slack/,
    /line 3, channels\[1\]\.name: channels\[0\] has this name too/,
    /line 3, channels\[1\]\.fallback: there is no channel of that name\. Did you mean b\?/,
    /line 3, channels\[1\]\.url: must be an http or https address/,
    /line 4, channels\[2\]\.level: unknown key/,
    /line 5, channels\[3\]\.secret: must be whsec_/,
    /line 9, hooks\.leak\[1\]\.name: hooks\.leak\[0\] has this name too/,
    /line 9, hooks\.leak\[1\]\.secret.*: hooks\.leak\[0\] has this secret too/,
    /line 10, hooks\.leak\[2\]\.secret.*: must be whsec_/,
  ];
  for (const pattern of expected)
    assert.ok(
      told.some((one) => pattern.test(one)),
      `${pattern}`,
    );
  assert.equal(told.length, expected.length, told.join('\n'));
  for (const secret of ['made-up', ONE, TWO]) assert.ok(!told.join('\n').includes(secret));
});
