/** The chart of `explain`: widths, scales, and terminals that show ASCII only. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UsageChart } from '../../app/contract.ts';
import { chartLines } from '../../cli/print/chart.ts';
import { PLAIN, widthOf } from '../../cli/print/style.ts';
import { clientWith, finding, incident, run } from './memory-io.ts';

/** Two weeks of office hours at 40 an hour, but for what is given by hour. */
function chart(change: Readonly<Record<number, number>> = {}): UsageChart {
  const hours = Array.from({ length: 336 }, (_, i) => i);
  const isOffice = (hour: number): boolean => hour % 24 >= 8 && hour % 24 < 18;
  return {
    type: 'chart',
    fromAt: '2026-03-01T00:00:00.000Z',
    beganAt: '2026-03-14T23:00:00.000Z',
    requests: hours.map((hour) => change[hour] ?? (isOffice(hour) ? 40 : 0)),
    expected: hours.map((hour) => (isOffice(hour) ? 40 : 0.1)),
    low: hours.map((hour) => (isOffice(hour) ? 20 : 0)),
    high: hours.map((hour) => (isOffice(hour) ? 60 : 1)),
  };
}

const draw = (of: UsageChart, columns = 100, ascii = false) =>
  chartLines(of, { columns, style: PLAIN, ascii });

describe('the chart', () => {
  test('keeps to every width, and says how many hours share a column', () => {
    for (const columns of [20, 80, 132, 400]) {
      const lines = draw(chart(), columns);
      for (const line of lines.slice(1, -1)) assert.ok(widthOf(line) <= columns, `${columns}`);
      const bars = lines[1]!.length - 10;
      assert.ok(bars <= Math.max(8, columns - 12), `${columns}`);
    }
    assert.match(draw(chart(), 80)[0]!, /^Requests an hour, one of 5 that stands out most; ░/);
    assert.match(draw(chart(), 400)[0]!, /^Requests an hour; ░/);
  });

  test('marks what is above the band, and what is below it', () => {
    const marks = (of: UsageChart) => draw(of, 400)[10]!.slice(10);
    assert.equal(marks(chart()).trim(), '');
    assert.equal(marks(chart({ 300: 90 })).indexOf('▲'), 300);
    assert.equal(marks(chart({ 300: 90 })).trim(), '▲');
    assert.equal(marks(chart({ 200: 3 })).indexOf('▼'), 200);
  });

  test('shows an hour that stands out though it shares its column', () => {
    const lines = draw(chart({ 201: 3, 335: 200 }), 80);
    assert.equal(lines[10]!.slice(10).trim().replace(/ +/, ' '), '▼ ▲');
    assert.match(lines[1]!, /^ +200 ┤ +█$/);
  });

  test('a peak far above the band makes the scale logarithmic, and the band stays visible', () => {
    const lines = draw(chart({ 335: 40_000 }), 400);
    assert.match(lines[0]!, /, log scale; /);
    assert.match(lines[1]!, /^ +40,000 ┤ +█$/);
    assert.ok(lines.slice(3, 9).some((line) => /█{10}/.test(line)));
    assert.ok(lines.slice(3, 9).some((line) => /░/.test(line)));
  });

  test('is of ASCII alone where the terminal shows no more', () => {
    const text = draw(chart({ 335: 200 }), 80, true).join('\n');
    assert.match(text, /^[\n\u0020-\u007e]+$/);
    assert.match(text, /\^/);
  });

  test('of a key without any history is one column', () => {
    const one = { ...chart(), requests: [5], expected: [0], low: [0], high: [0] };
    assert.match(draw(one)[1]!, /^ +5 ┤█$/);
  });
});

describe('explain', () => {
  const uses = [
    { route: 'POST /v1/orders', place: 'DE Berlin', client: 'curl', events: 1130 },
    { route: 'GET /v1/\u001b[2J', place: '', client: 'unknown', events: 3 },
  ];
  const assemblies = (identical = true) =>
    clientWith({
      explain: async () => ({
        incident: incident({ uses }),
        findings: [{ finding: finding(), recomputed: { score: 9.1, identical } }],
        identical,
        chart: chart({ 335: 200 }),
      }),
    });

  test('shows the chart, what weighed most, and that it came out the same', async () => {
    const { stdout, status } = await run(['explain', 'i-1'], { assemblies: assemblies() });
    assert.equal(status, 0);
    assert.match(stdout, /\n {5}200 ┤ +█\n/);
    assert.match(stdout, /\n {5}1,130 {2}POST \/v1\/orders {2}DE Berlin {2}curl\n/);
    assert.match(stdout, /\n {9}3 {2}GET \/v1\/\?\[2J {2}unknown\n/);
    assert.match(stdout, /\n {2}recomputed: identical, score 9\.1 as it opened\n/);
    assert.match(stdout, /\nrecomputed: identical\n$/);
    const other = await run(['explain', 'i-1'], { assemblies: assemblies(false) });
    assert.match(other.stdout, /\nrecomputed: NOT identical/);
    assert.equal(other.status, 3);
  });

  test('as JSON lines: the chart before the check', async () => {
    const { stdout } = await run(['explain', 'i-1', '--json'], { assemblies: assemblies() });
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as UsageChart);
    assert.deepEqual(
      lines.map(({ type }) => type),
      ['incident', 'finding', 'chart', 'check'],
    );
    assert.equal(lines[2]!.requests.length, 336);
    assert.match(stdout, /"name":"recomputed","ok":true,"detail":"identical"/);
  });

  test('takes the terminal for what it says it is', async () => {
    const marked = async (env: Readonly<Record<string, string>>) => {
      const { stdout } = await run(['explain', 'i-1'], { assemblies: assemblies(), env });
      return stdout.includes('▲');
    };
    assert.equal(await marked({}), true);
    assert.equal(await marked({ LANG: 'de_DE.UTF-8' }), true);
    assert.equal(await marked({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }), false);
    assert.equal(await marked({ TERM: 'dumb' }), false);
    const coloured = { assemblies: assemblies(), tty: true };
    assert.ok((await run(['explain', 'i-1'], coloured)).stdout.includes('▲\u001b[0m'));
    const plain = await run(['explain', 'i-1'], { ...coloured, env: { NO_COLOR: '1' } });
    assert.ok(!plain.stdout.includes('\u001b'));
  });
});
