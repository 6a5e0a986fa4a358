/** What holds of an engine at any time: everything told and everything kept is finite. */
import assert from 'node:assert/strict';
import { SCORE_MAX } from '../../core/finding.ts';
import { SIZES } from '../../detectors/engine/fields.ts';
import type { PlacedPart } from '../../detectors/engine/layout.ts';
import type { Bench } from './bench.ts';

/** Of the header: what counts use, claimed or not, and when the subject is looked at next. */
const NOT_LEARNED = /^(usage|dueAt$|source$)/;

/** Scores, the last finding and incident, and the numbers of the record last judged. */
export function assertSound(bench: Bench): void {
  for (const score of bench.engine.judge.scores) {
    assert.ok(Number.isFinite(score) && score >= 0, `score ${score}`);
  }
  const finding = bench.findings.at(-1);
  if (finding !== undefined) {
    assertFinite(finding, 'finding');
    assert.ok(finding.score >= 0 && finding.score <= SCORE_MAX, `score ${finding.score}`);
    assert.ok(Date.parse(finding.fromAt) <= Date.parse(finding.toAt), `${finding.fromAt} on`);
    assert.match(finding.why, /\d/, 'the sentence has numbers');
    assert.doesNotMatch(finding.why, /NaN|Infinity|undefined|null|\[object/);
    const sum = finding.parts.reduce((total, { score }) => total + score, 0);
    const tolerance = 0.001 * finding.score * finding.parts.length + 0.001;
    assert.ok(Math.abs(sum - finding.score) <= tolerance, `parts add up to ${sum}`);
  }
  if (bench.incidents.length > 0) assertFinite(bench.incidents.at(-1), 'incident');
  const { engine } = bench;
  for (const { state, detector } of engine.judge.seats) assertFinite(plain(state), detector.id);
  assertFinite(plain(engine.judge.rate.state), 'rate');
  assertFinite(plain(engine.judge.places.state), 'places');
}

/** A state's fields as values. */
function plain(state: object): unknown {
  return Object.entries(state).map(([name, field]) => {
    if (typeof field === 'number') return [name, field];
    const { length, get } = field as { length: number; get(i: number): number };
    return [name, Array.from({ length }, (_, i) => get.call(field, i))];
  });
}

function assertFinite(value: unknown, where: string): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value), `${where} is ${value}`);
  else if (Array.isArray(value)) for (const part of value) assertFinite(part, where);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) assertFinite(part, `${where}.${name}`);
  }
}

/** Records by id, hex, without what is not learned; of some parts only, where given. */
export function settledRecords(bench: Bench, parts?: readonly string[]): Record<string, string> {
  const { layout } = bench.engine.judge;
  const kept = layout.parts.filter(({ id }) => parts === undefined || parts.includes(id));
  const records = Object.entries(bench.records()).map(([id, record]) => [
    id,
    kept.map((part) => settledPart(part, record)).join(' '),
  ]);
  return Object.fromEntries(records) as Record<string, string>;
}

function settledPart(part: PlacedPart, record: string): string {
  return part.fields
    .filter(({ name }) => part.id !== 'subject' || !NOT_LEARNED.test(name))
    .map(({ name, scalar, length, offset }) => {
      const bytes = record.slice(2 * offset, 2 * (offset + SIZES[scalar] * length));
      return `${part.id}.${name}=${bytes}`;
    })
    .join(' ');
}
