/** Findings by episode and incidents with revisions, severities by the table of algorithms.md §9. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { severityOf } from '../../../core/finding.ts';
import { grew, type OpenIncident } from '../../../detectors/engine/incidents.ts';
import { assess } from '../../../detectors/engine/risk.ts';
import { latest, openBench } from '../bench.ts';
import { PROBES, script } from './probe.ts';

/** Risk and severity of findings [family, score, most alone, new network it came from]. */
function assessed(...findings: [string, number, number?, number?][]): [number, string] {
  const incident = {
    risk: 0,
    severity: 'none',
    partOf: null,
    families: [],
    episodes: findings.map(([family, score, aloneMax = 300, origin = 0]) => ({
      family,
      score,
      aloneMax,
      origin,
    })),
  } as unknown as OpenIncident;
  assess(incident);
  return [Number(incident.risk.toFixed(6)), incident.severity];
}

describe('risk and severity', () => {
  test('bounds of the severities', () => {
    const bounds: [number, string][] = [
      [3.99, 'none'],
      [4, 'info'],
      [5, 'low'],
      [6.99, 'low'],
      [7, 'medium'],
      [7.99, 'medium'],
      [8, 'high'],
      [300, 'high'],
    ];
    for (const [risk, severity] of bounds) assert.equal(severityOf(risk, false), severity);
    assert.equal(severityOf(9.99, true), 'high');
    assert.equal(severityOf(10, true), 'critical');
  });

  test('the strongest family counts in full, half of what others exceed 4 by, at most 2', () => {
    assert.deepEqual(assessed(['volume', 6]), [6, 'low']);
    assert.deepEqual(assessed(['volume', 6], ['errors', 3.9]), [6, 'low']);
    assert.deepEqual(assessed(['volume', 6], ['errors', 6]), [7, 'medium']);
    assert.deepEqual(assessed(['volume', 6], ['errors', 5], ['time', 5]), [7, 'medium']);
    assert.deepEqual(assessed(['volume', 20], ['errors', 19]), [22, 'critical']);
    // Two findings of one family share their cause: the stronger counts.
    assert.deepEqual(assessed(['volume', 6], ['volume', 6]), [6, 'low']);
  });

  test('what is weak alone is capped alone, and not beside another family', () => {
    assert.deepEqual(assessed(['place', 9, 5.5]), [5.5, 'low']);
    assert.deepEqual(assessed(['volume', 9, 6.9]), [6.9, 'low']);
    assert.deepEqual(assessed(['place', 9, 5.5], ['volume', 5]), [9.5, 'high']);
  });

  test('critical needs 10, and two families at 5, one of place, errors, content or credential', () => {
    assert.deepEqual(assessed(['volume', 50]), [50, 'high']);
    assert.deepEqual(assessed(['volume', 50], ['time', 50]), [52, 'high']);
    assert.deepEqual(assessed(['volume', 50], ['errors', 4.9]), [50.45, 'high']);
    assert.deepEqual(assessed(['volume', 9.5], ['place', 5, 5.5]), [10, 'critical']);
  });

  test('what is weak alone stays capped beside a weaker finding of its own family', () => {
    assert.deepEqual(assessed(['volume', 9, 6.9], ['volume', 4.5]), [6.9, 'low']);
  });

  test('families that share one new network count once', () => {
    // Whoever moves house has a new place, a new client and, for a while, errors.
    assert.deepEqual(assessed(['place', 9, 5.5, 7], ['content', 6, 5.5, 7]), [5.5, 'low']);
    assert.deepEqual(assessed(['place', 9, 5.5, 7], ['errors', 7.5, 300, 7]), [7.5, 'medium']);
    assert.deepEqual(assessed(['place', 20, 5.5, 7], ['errors', 19, 300, 7]), [19, 'high']);
    // Something of its own beside it counts as ever, also of the family of the client.
    assert.deepEqual(assessed(['place', 9, 5.5, 7], ['content', 6, 5.5, 7], ['volume', 5]), [
      9.5,
      'high',
    ]);
    assert.deepEqual(assessed(['place', 9.5, 5.5, 7], ['content', 6, 5.5, 7], ['content', 5]), [
      10,
      'critical',
    ]);
    // Errors that came from elsewhere too have a cause of their own.
    assert.deepEqual(assessed(['place', 9, 5.5, 7], ['errors', 6, 300, 0]), [10, 'critical']);
    // A family counts once, though only one of its findings is of the new network.
    assert.deepEqual(assessed(['place', 9, 5.5, 7], ['place', 6, 5.5]), [5.5, 'low']);
  });

  test('a score is news when it grew by a quarter, at least 1, or to a higher severity', () => {
    assert.deepEqual([grew(4.2, 4.9), grew(4.2, 5), grew(4.2, 5.2)], [false, true, true]);
    assert.deepEqual([grew(40, 49.9), grew(40, 50), grew(40, 30)], [false, true, false]);
  });
});

describe('episodes', () => {
  const open = () => openBench({ detectors: PROBES });

  test('one finding while it lasts: updated when it grows, told no more often', () => {
    const bench = open();
    const at = script();
    const scores = [6, 6.1, 5, 9, 9.2, 3.5];
    bench.feed(scores.map((bytesOut, i) => at(i, { method: 'volume', bytesOut })));
    assert.deepEqual(
      bench.findings.map(({ revision, score, closedAt }) => [revision, score, closedAt]),
      [
        [1, 6, null],
        [2, 9, null],
      ],
    );
    assert.equal(new Set(bench.findings.map(({ id }) => id)).size, 1);
    assert.deepEqual(
      bench.incidents.map(({ revision, severity }) => [revision, severity]),
      [
        [1, 'low'],
        [2, 'high'],
      ],
    );
  });

  test('below 4 nothing opens; from 3 on it stays open; closed after 15 minutes of quiet', () => {
    const bench = open();
    const at = script();
    bench.feed([at(0, { method: 'volume', bytesOut: 3.9 }), at(1)]);
    assert.equal(bench.findings.length, 0);
    bench.feed([at(2, { method: 'volume', bytesOut: 4.1 })]);
    bench.feed([
      at(12, { method: 'volume', bytesOut: 3 }),
      at(20, { method: 'volume', bytesOut: 2 }),
    ]);
    bench.feed([at(26.9), at(40)]);
    const [opened, closed] = bench.findings;
    assert.equal(opened?.closedAt, null);
    assert.equal(closed?.toAt, '2026-03-02T00:12:00.000Z');
    assert.equal(closed?.closedAt, '2026-03-02T00:27:00.000Z');
  });

  test('within the incident it is raised again only when it grew; after an hour it is a new one', () => {
    const bench = open();
    const at = script();
    bench.feed([at(0, { method: 'volume', bytesOut: 6 }), at(20)]);
    bench.feed([at(30, { method: 'volume', bytesOut: 6.5 })]);
    assert.equal(bench.findings.length, 2, 'opened and closed');
    bench.feed([at(40, { method: 'volume', bytesOut: 8 })]);
    assert.deepEqual([bench.findings.at(-1)!.revision, bench.findings.at(-1)!.closedAt], [3, null]);
    bench.feed([at(200, { method: 'volume', bytesOut: 6 })]);
    const findings = latest(bench.findings);
    assert.equal(findings.length, 2);
    const incidents = latest(bench.incidents);
    assert.deepEqual(
      incidents.map(({ closedAt }) => closedAt),
      ['2026-03-02T01:40:00.000Z', null],
    );
    assert.equal(bench.engine.stats().openIncidents, 1);
  });

  test('at most one open incident of a subject; every line has a revision one higher', () => {
    const bench = open();
    const at = script();
    const methods = ['volume', 'place', 'errors'];
    bench.feed(methods.map((method, i) => at(i, { method, bytesOut: 6 + i })));
    bench.feed([at(200)]);
    const [incident] = latest(bench.incidents);
    assert.equal(latest(bench.incidents).length, 1);
    assert.deepEqual(incident!.families, ['volume', 'errors', 'place']);
    assert.equal(incident!.findings.length, 3);
    for (const lines of [
      bench.incidents,
      ...latest(bench.findings).map(({ id }) => bench.findings.filter((f) => f.id === id)),
    ]) {
      assert.deepEqual(
        lines.map(({ revision }) => revision),
        lines.map((_, i) => i + 1),
      );
    }
  });

  test('learning stops for 30 minutes from a medium incident on, then goes on at a tenth', () => {
    const bench = open();
    const at = script();
    const weight = (minutes: number, bytesOut: number): number => {
      bench.feed([at(minutes, { method: 'volume', bytesOut })]);
      return bench.engine.judge.subject.weight;
    };
    assert.deepEqual([weight(0, 6), weight(1, 7.5), weight(10, 7), weight(30, 7)], [1, 0, 0, 0]);
    assert.ok(Math.abs(weight(31.1, 7) - 0.1) < 1e-9);
    assert.equal(weight(200, 0), 1);
  });
});
