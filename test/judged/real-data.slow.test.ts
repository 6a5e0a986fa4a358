/** Issue 3, "How it is judged": logs that nobody on this project wrote. They lie beside the checkout. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { atLeast, type Incident } from '../../core/finding.ts';
import { finish, ROOT, scratch } from './keyhound.ts';
import { type Line, replayLines, unaccounted } from './lines.ts';

const DATA = path.join(ROOT, '../shared/data');

async function replayed(folder: string, words: readonly string[]) {
  const { status, stdout, stderr } = await finish(['replay', ...words, '--json'], { cwd: folder });
  assert.equal(status, 0, stderr);
  const lines = replayLines(stdout);
  assert.equal(unaccounted(lines.summary), 0);
  return lines;
}

function filesOf({ sources }: Line): number {
  return (sources as { files: number }[]).reduce((sum, { files }) => sum + files, 0);
}

describe('replay of real logs', () => {
  it('reads 10,000 Apache records by client address and rejects none', async (t) => {
    const file = path.join(DATA, 'web/elastic-apache_logs');
    const { all, summary } = await replayed(scratch(t), [file, '--key', 'client_ip']);
    assert.equal(summary['records'], 10_000);
    assert.equal(summary['events'], 10_000);
    assert.deepEqual(summary['rejected'], {});
    assert.equal(summary['subjects'], 1753);
    assert.equal(summary['firstAt'], '2015-05-17T10:05:00.000Z');
    assert.ok(all.length > 1, 'somebody stood out');
  });

  it('reads 2,900 CloudTrail records of 55 files, merged by time', async (t) => {
    const { summary } = await replayed(scratch(t), [path.join(DATA, 'cloudtrail/invictus')]);
    assert.equal(summary['records'], 2900);
    assert.ok([133, 134].includes(Number(summary['subjects'])));
    assert.equal(filesOf(summary), 55);
    // Read one after the other, files that overlap would be late by more than the format allows.
    assert.equal(summary['late'], 0);
  });

  it("shows the attack tool's key in the highest-risk incident within 60 s of its first call", async (t) => {
    const { all } = await replayed(scratch(t), [path.join(DATA, 'cloudtrail/invictus')]);
    const firstCallAt = Date.parse('2023-07-10T11:54:33Z');
    const incidents = all.filter(({ type }) => type === 'incident') as unknown as Incident[];
    const ofTool = incidents.filter(({ subject }) => subject.id === 'aws:AKIATFQR7NSC8Q4X20BJ');
    const early = ofTool.filter(({ updatedAt }) => Date.parse(updatedAt) <= firstCallAt + 60_000);
    const others = incidents.filter(({ subject }) => subject.id !== 'aws:AKIATFQR7NSC8Q4X20BJ');
    const highest = Math.max(...others.map(({ risk }) => risk));
    assert.ok(
      early.some(({ risk }) => risk > highest),
      `others reach ${highest}`,
    );
    const keys = others.filter(
      ({ severity, subject }) => subject.kind === 'key' && atLeast(severity, 'medium'),
    );
    assert.ok(new Set(keys.map(({ id }) => id)).size <= 2, 'other keys at medium or more');
  });

  it('reads every record of 35 attacks and counts the addresses that are none', async (t) => {
    const { summary } = await replayed(scratch(t), [path.join(DATA, 'cloudtrail/stratus')]);
    assert.equal(summary['records'], 310);
    assert.equal(filesOf(summary), 35);
    assert.deepEqual(summary['flawed'], { address: 106 });
  });

  it('reads every record of the exfiltration', async (t) => {
    const { summary } = await replayed(scratch(t), [path.join(DATA, 'cloudtrail/otrf')]);
    assert.equal(summary['records'], 103);
  });
});
