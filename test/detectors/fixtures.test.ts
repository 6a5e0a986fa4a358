/**
 * What every detector finds in its fixtures, to the last word. A new detector needs no line here.
 * `WRITE_FINDINGS=1 npm test` writes what was found in place of what was expected, and fails: read it then.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../core/finding.ts';
import { ALL_DETECTORS } from '../../detectors/list.ts';
import { latest, only, openBench } from './bench.ts';
import { casesOf, FINDINGS_FILE, fixtureFolders } from './cases.ts';

test('every detector has fixtures, and every fixture folder a detector', () => {
  for (const { id } of ALL_DETECTORS) {
    const cases = casesOf(id);
    const finds = cases.some(({ findings }) => findings?.some(({ detector }) => detector === id));
    assert.ok(finds, `no fixture in which ${id} finds something`);
  }
  assert.deepEqual([...fixtureFolders()].sort(), ALL_DETECTORS.map(({ id }) => id).sort());
});

for (const fixture of ALL_DETECTORS.flatMap(({ id }) => casesOf(id))) {
  test(`${fixture.name}: finds what is expected, in the same words`, () => {
    const { detectorId, directory, settings } = fixture;
    const bench = openBench({ directory, settings: only(detectorId, settings) });
    const controls = fixture.controls();
    for (const event of fixture.events()) {
      while (controls.length > 0 && controls[0]!.at < event.at) {
        bench.engine.control(controls.shift()!);
      }
      bench.feed([event]);
    }
    assert.deepEqual(reopened(bench.findings), [], 'no revision changes when it was opened');
    const found: unknown = JSON.parse(JSON.stringify(latest(bench.findings)));
    if (process.env['WRITE_FINDINGS'] === '1') {
      const path = join(fixture.folder, FINDINGS_FILE);
      writeFileSync(path, `${JSON.stringify(found, null, 2)}\n`);
      assert.fail(`wrote ${path}: read every sentence, then run without WRITE_FINDINGS`);
    }
    assert.deepEqual(found, fixture.findings);
  });
}

/** Findings whose revisions differ in what has to stay: where they are stored hangs on it. */
function reopened(findings: readonly Finding[]): string[] {
  const openedAt = new Map<string, string | undefined>();
  return findings.flatMap((finding) => {
    if (!openedAt.has(finding.id)) openedAt.set(finding.id, finding.openedAt);
    return finding.openedAt !== undefined && openedAt.get(finding.id) === finding.openedAt
      ? []
      : [`${finding.id} revision ${finding.revision}`];
  });
}
