/** `explain`: what was expected, what came, how much each part weighs, and whether it came out the same. */
import type { ExplainedFinding, Explanation, Facts } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { chartLines } from './chart.ts';
import { findingLines, incidentLines } from './incident.ts';
import { count, score } from './numbers.ts';
import type { Printer } from './printer.ts';
import { pad, type Style } from './style.ts';
import { wrapText } from './table.ts';

export function explanationLines(
  explanation: Explanation,
  print: Pick<Printer, 'columns' | 'style' | 'ascii'>,
): string[] {
  const { columns, style, ascii } = print;
  const { incident, chart } = explanation;
  const detectors = explanation.findings.map(({ finding }) => finding.detector);
  return [
    ...incidentLines(incident, [...new Set(detectors)], columns, style),
    style.dim(`          risk ${score(incident.risk)}, ${incident.id}`),
    ...(chart === undefined ? [] : ['', ...chartLines(chart, print)]),
    ...useLines(incident),
    ...explanation.findings.flatMap((explained) => ['', ...one(explained, columns, style, ascii)]),
    '',
    explanation.identical
      ? style.good('recomputed: identical')
      : style.bad('recomputed: NOT identical, see the findings above'),
  ];
}

const BAR_COLUMNS = 24;

/** What weighed most in the incident: `1,130  POST /v1/orders  DE Berlin  curl`. */
function useLines({ uses = [] }: Explanation['incident']): string[] {
  if (uses.length === 0) return [];
  const lines = uses.map(({ route, place, client, events }) => {
    const parts = [route, place, client].filter((part) => part !== '').map(forTerminal);
    return `  ${pad(count(events), 8, 'right')}  ${parts.join('  ')}`;
  });
  return ['', 'What weighed most, by route, place and client:', ...lines];
}

function one(explained: ExplainedFinding, columns: number, style: Style, ascii: boolean): string[] {
  const { finding, recomputed } = explained;
  const total = finding.parts.reduce((sum, part) => sum + Math.max(0, part.score), 0);
  const bars = finding.parts.map((part) => {
    const share = total > 0 ? Math.max(0, part.score) / total : 0;
    const bar = (ascii ? '#' : '█').repeat(Math.round(share * BAR_COLUMNS));
    return `  ${pad(score(part.score), 8, 'right')}  ${pad(bar, BAR_COLUMNS)}  ${forTerminal(part.name)}`;
  });
  const verdict =
    recomputed === undefined
      ? style.dim('  its inputs are no longer kept')
      : recomputed.identical
        ? style.good(`  recomputed: identical, score ${score(recomputed.score)} as it opened`)
        : style.bad(`  recomputed: NOT identical, score ${score(recomputed.score)} as it opened`);
  return [
    ...findingLines(finding, columns, style),
    ...(bars.length === 0 ? [] : ['  weight'.padEnd(12), ...bars]),
    ...usageLines(explained.facts, columns, style),
    verdict,
  ];
}

/** `sameHourDayBefore` → `same hour day before`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The key's use around the finding: what a person can check the sentence against. */
function usageLines(facts: Facts | undefined, columns: number, style: Style): string[] {
  if (facts === undefined) return [];
  const { hours, ...counts } = facts;
  const shown = Array.isArray(hours) ? hours : [];
  const rest = Object.entries(counts).map(([name, value]) => `${words(name)} ${value}`);
  const lines = [...shown, ...(rest.length === 0 ? [] : wrapText(rest.join(' · '), columns - 12))];
  return lines.map((line, i) => {
    const title = pad(i === 0 ? 'usage' : '', 10);
    return style.dim(`  ${title}${forTerminal(line)}`);
  });
}
