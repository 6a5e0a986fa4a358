/** Lines of `--json`, checked against the contract: every field that is promised, with its type. */
import assert from 'node:assert/strict';

export type Line = Readonly<Record<string, unknown>>;

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SEVERITY = /^(info|low|medium|high|critical)$/;

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === 'string' && value !== '';
const amount: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const count: Check = (value) => amount(value) && Number.isInteger(value);
const instant: Check = (value) => typeof value === 'string' && INSTANT.test(value);
const instantOrNull: Check = (value) => value === null || instant(value);
const severity: Check = (value) => typeof value === 'string' && SEVERITY.test(value);
const texts: Check = (value) => Array.isArray(value) && value.length > 0 && value.every(text);
const fact: Check = (value) =>
  text(value) || Number.isFinite(value) || (Array.isArray(value) && value.every(fact));
const facts: Check = (value) => isObject(value) && Object.values(value).every(fact);
const counts: Check = (value) => isObject(value) && Object.values(value).every(count);
const subject: Check = (value) =>
  isObject(value) &&
  /^(key|consumer|network|fleet)$/.test(String(value['kind'])) &&
  text(value['id']);

const FIELDS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  finding: {
    id: text,
    revision: count,
    detector: text,
    family: (value) => /^(volume|errors|place|time|content|credential)$/.test(String(value)),
    subject,
    fromAt: instant,
    toAt: instant,
    score: (value) => amount(value) && Number(value) <= 300,
    severity,
    observed: facts,
    expected: facts,
    why: text,
  },
  incident: {
    id: text,
    revision: count,
    subject,
    openedAt: instant,
    updatedAt: instant,
    closedAt: instantOrNull,
    severity,
    risk: amount,
    families: texts,
    findings: texts,
    why: text,
  },
  summary: {
    records: count,
    bytes: count,
    events: count,
    rejected: counts,
    flawed: counts,
    duplicates: count,
    late: count,
    future: count,
    subjects: count,
    firstAt: instantOrNull,
    lastAt: instantOrNull,
    findings: counts,
    incidents: (value) => counts(value) && Object.keys(value as object).every(severity),
    seconds: amount,
    cpuSeconds: amount,
    rssMaxBytes: count,
  },
};

/** Parses and checks all lines of a replay; the summary has to be the last and the only one. */
export function replayLines(stdout: string): {
  readonly all: readonly Line[];
  readonly summary: Line;
} {
  assert.ok(stdout.endsWith('\n'));
  const all = stdout.slice(0, -1).split('\n').map(checkedLine);
  const summary = all.at(-1)!;
  assert.deepEqual(
    all.filter((line) => line['type'] === 'summary'),
    [summary],
  );
  return { all, summary };
}

function checkedLine(text: string): Line {
  const line = JSON.parse(text) as Line;
  const fields = FIELDS[String(line['type'])];
  assert.ok(fields !== undefined, `a line of type ${line['type']}`);
  for (const [name, check] of Object.entries(fields)) {
    assert.ok(check(line[name]), `${line['type']}.${name} in ${text}`);
  }
  return line;
}

/** Records that are neither an event nor rejected with a reason nor from the future. */
export function unaccounted(summary: Line): number {
  const sum = (value: unknown): number => Object.values(value as object).reduce((a, b) => a + b, 0);
  const { records, events, rejected, duplicates, future } = summary as Record<string, number>;
  return records! - events! - sum(rejected) - duplicates! - future!;
}

/** The last line of every finding and incident as text, by id. */
export function lastById(stdouts: readonly string[]): Map<string, string> {
  const last = new Map<string, string>();
  for (const line of stdouts.join('').split('\n')) {
    if (!/^\{"type":"(finding|incident)"/.test(line)) continue;
    last.set((JSON.parse(line) as { id: string }).id, line);
  }
  return last;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
