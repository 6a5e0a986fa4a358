import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invictusFigures } from '../../../bench/eval/cloudtrail.ts';
import type { Incident, Severity } from '../../../core/finding.ts';

function incident(id: string, second: number, risk: number, severity: Severity): Incident {
  const at = new Date(second * 1000).toISOString();
  return {
    type: 'incident',
    id,
    revision: 1,
    subject: { kind: 'key', id: `aws:${id}` },
    openedAt: at,
    updatedAt: at,
    closedAt: null,
    severity,
    risk,
    families: [],
    findings: [],
    why: '',
  };
}

const calls = [
  { at: 100_000, subject: 'aws:tool', byTool: true },
  { at: 90_000, subject: 'aws:other', byTool: false },
];
const tools = new Set(['aws:tool']);
const values = (incidents: readonly Incident[]) =>
  invictusFigures('x', incidents, calls, tools).map(({ value }) => value);

test('the tool leads from when its incident is worse than all that ever came', () => {
  const incidents = [
    incident('tool', 105, 5, 'low'),
    incident('other', 110, 7, 'medium'),
    incident('tool', 130, 9, 'high'),
    incident('other', 140, 7.5, 'medium'),
  ];
  assert.deepEqual(values(incidents), [9, 30, 1]);
});

test('another key in the worst incident is a miss, and no incident at all is one', () => {
  const missed = [incident('tool', 105, 5, 'low'), incident('other', 110, 7, 'medium')];
  assert.deepEqual(values(missed), [Number.NaN, Number.NaN, 1]);
  assert.deepEqual(values([]), [Number.NaN, Number.NaN, 0]);
});
