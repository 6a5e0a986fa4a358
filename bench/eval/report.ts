/** The figures of all parts as one table for people, and as one JSON document. */
import { type Bound, type Figure, met, type Part, type PartResult } from './part.ts';

export interface Measured {
  readonly part: Pick<Part, 'name' | 'summary'>;
  readonly result: PartResult;
}

const TITLES = ['what', 'Keyhound', 'line', 'goal', 'published by others', 'command'] as const;

/** Markdown: one table, and under it what must be known to read it. */
export function markdown(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ part, result }) =>
    result.figures.map((figure) => cellsOf(part.name, figure)),
  );
  const notes = measured.flatMap(({ part, result }) =>
    result.notes.map((note) => `- ${part.name}: ${note}`),
  );
  const table = [[...TITLES], TITLES.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.join(' | ')} |`,
  );
  return [...table, ...(notes.length > 0 ? ['', ...notes] : []), ''].join('\n');
}

/** Figures with their part, their command, and whether they meet what is asked for. */
export function document(measured: readonly Measured[]): object {
  return {
    figures: measured.flatMap(({ part, result }) =>
      result.figures.map((figure) => ({
        part: part.name,
        ...figure,
        command: commandOf(part.name, figure),
        ...(figure.line === undefined ? {} : { met: met(figure.value, figure.line) }),
      })),
    ),
    notes: measured.flatMap(({ part, result }) =>
      result.notes.map((text) => ({ part: part.name, text })),
    ),
    details: Object.fromEntries(
      measured
        .filter(({ result }) => result.details !== undefined)
        .map(({ part, result }) => [part.name, result.details]),
    ),
  };
}

/** Figures that miss their line, as sentences. */
export function missed(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ part, result }) =>
    result.figures
      .filter(({ value, line }) => line !== undefined && !met(value, line))
      .map(
        (figure) =>
          `${part.name}, ${figure.what}: ${textOf(figure)}, asked ${boundOf(figure.line)}`,
      ),
  );
}

function cellsOf(part: string, figure: Figure): string[] {
  const below = figure.line !== undefined && !met(figure.value, figure.line);
  return [
    `${part}: ${figure.what}`,
    below ? `**${textOf(figure)}** (missed)` : `**${textOf(figure)}**`,
    boundOf(figure.line),
    boundOf(figure.goal),
    (figure.peers ?? [])
      .map(
        ({ name, value, remark }) =>
          `${name} ${value}${remark === undefined ? '' : ` (${remark})`}`,
      )
      .join(' · '),
    `\`${commandOf(part, figure)}\``,
  ];
}

function commandOf(part: string, figure: Figure): string {
  return figure.command ?? `npm run eval -- ${part}`;
}

function textOf({ value, digits, unit }: Figure): string {
  const number = Number.isFinite(value) ? value.toFixed(digits ?? 2) : '–';
  return unit === undefined ? number : `${number} ${unit}`;
}

function boundOf(bound: Bound | undefined): string {
  if (bound === undefined) return '';
  return `${bound.sense === 'atLeast' ? '≥' : '≤'} ${bound.value}`;
}
