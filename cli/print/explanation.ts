/** `explain`: what was expected, what came, how much each part weighs, and whether it came out the same. */
import type { ExplainedFinding, Explanation, Facts } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { findingLines, incidentLines } from './incident.ts';
import { score } from './numbers.ts';
import { pad, type Style } from './style.ts';

export function explanationLines(
  explanation: Explanation,
  columns: number,
  style: Style,
): string[] {
  const detectors = explanation.findings.map(({ finding }) => finding.detector);
  return [
    ...incidentLines(explanation.incident, [...new Set(detectors)], columns, style),
    style.dim(`          risk ${score(explanation.incident.risk)}, ${explanation.incident.id}`),
    ...explanation.findings.flatMap((explained) => ['', ...one(explained, columns, style)]),
    '',
    explanation.identical
      ? style.good('Recomputed from its inputs: the same.')
      : style.bad('Recomputed from its inputs: NOT the same. See the findings above.'),
  ];
}

const BAR_COLUMNS = 24;

function one(explained: ExplainedFinding, columns: number, style: Style): string[] {
  const { finding, recomputed } = explained;
  const total = finding.parts.reduce((sum, part) => sum + Math.max(0, part.score), 0);
  const bars = finding.parts.map((part) => {
    const share = total > 0 ? Math.max(0, part.score) / total : 0;
    const bar = '█'.repeat(Math.round(share * BAR_COLUMNS));
    return `  ${pad(score(part.score), 8, 'right')}  ${pad(bar, BAR_COLUMNS)}  ${forTerminal(part.name)}`;
  });
  const verdict =
    recomputed === undefined
      ? style.dim('  its inputs are no longer kept')
      : recomputed.identical
        ? style.good(`  recomputed, as it opened: score ${score(recomputed.score)}, the same`)
        : style.bad(`  recomputed, as it opened: score ${score(recomputed.score)}, NOT the same`);
  return [
    ...findingLines(finding, columns, style),
    ...(bars.length === 0 ? [] : ['  weight'.padEnd(12), ...bars]),
    ...usageLines(explained.facts, style),
    verdict,
  ];
}

/** `sameHourDayBefore` → `same hour day before`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The key's use around the finding: what a person can check the sentence against. */
function usageLines(facts: Facts | undefined, style: Style): string[] {
  if (facts === undefined) return [];
  const { hours, ...counts } = facts;
  const shown = Array.isArray(hours) ? hours : [];
  const rest = Object.entries(counts).map(([name, value]) => `${words(name)} ${value}`);
  const lines = [...shown, ...(rest.length === 0 ? [] : [rest.join(' · ')])];
  return lines.map((line, i) => {
    const title = pad(i === 0 ? 'usage' : '', 10);
    return style.dim(`  ${title}${forTerminal(line)}`);
  });
}
