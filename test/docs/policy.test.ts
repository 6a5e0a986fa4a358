/** docs/policy.md says what the code does. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { rowsOf } from '../../app/config/reference.ts';
import { toJson } from '../../app/config/schema.ts';
import { readPolicy } from '../../app/policy-file.ts';
import { BRAKES } from '../../responders/brakes/list.ts';
import { policySchema } from '../../responders/policy-schema.ts';

const FILE = new URL('../../docs/policy.md', import.meta.url);
const page = readFileSync(FILE, 'utf8');

test('the example loads', () => {
  const [, text] = /```yaml\n(.*?)```/s.exec(page)!;
  const { policy, faults } = readPolicy(text!);
  assert.deepEqual(faults, []);
  assert.deepEqual(policy?.ladder.contain, { mode: 'automatic', percent: 10 });
  assert.equal(policy?.rules[2]?.forMs, 8 * 3_600_000);
});

test('every brake has its line', () => {
  for (const { id } of BRAKES) assert.match(page, new RegExp(`^\\| \`${id}\` \\|`, 'm'));
});

test('every setting stands there with its default', () => {
  const schema = toJson(policySchema);
  const rows = rowsOf(schema, '', new Set(schema.required ?? []));
  const table = ['| setting | type | default | |', '|---|---|---|---|', ...rows].join('\n');
  const written = page.replace(/<!-- table -->.*<!-- end -->/s, () => {
    return `<!-- table -->\n${table}\n<!-- end -->`;
  });
  if (process.env['WRITE_POLICY_TABLE'] !== undefined) writeFileSync(FILE, written);
  else assert.equal(page, written);
});
