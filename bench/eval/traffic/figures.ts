/** From what was measured to the rows of the table. */
import { atLeast, SEVERITIES } from '../../../core/finding.ts';
import type { Figure } from '../part.ts';
import { type FleetResult, KNOW_HOURS } from './fleets.ts';
import { POISONED_BEFORE } from './plan.ts';
import type { Poisoning } from './poisoning.ts';
import type { Results } from './pool.ts';
import type { Delay, Try } from './tries.ts';

export function figuresOf(results: Results): Figure[] {
  return [
    ...quietFigures(results.quiet),
    ...judgedDelays(results.tries),
    ...seen(results.tries),
    ...results.fleets.flatMap(fleetFigures),
    ...poisoningFigures(results.poisonings),
  ];
}

function quietFigures(quiet: Results['quiet']): Figure[] {
  const keyMonths = quiet.reduce((sum, cell) => sum + cell.keyMonths, 0);
  if (keyMonths === 0) return [];
  const incidents = (floor: 'low' | 'medium' | 'high') =>
    quiet.reduce((sum, cell) => {
      const counts = SEVERITIES.filter((severity) => atLeast(severity, floor));
      return sum + counts.reduce((n, severity) => n + (cell.incidents[severity] ?? 0), 0);
    }, 0) / keyMonths;
  const of = `per key-month (${keyMonths.toFixed(0)} of them)`;
  const detectors = [...new Set(quiet.flatMap((cell) => Object.keys(cell.findings)))].sort();
  const found = (detector: string, at: 'six' | 'eight') =>
    quiet.reduce((sum, cell) => sum + (cell.findings[detector]?.[at] ?? 0), 0) / keyMonths;
  return [
    perMonth(`incidents of medium or more ${of}`, incidents('medium'), 0.03),
    perMonth(`incidents of high or more ${of}`, incidents('high')),
    perMonth(`incidents of low or more ${of}`, incidents('low')),
    ...detectors.flatMap((id) => [
      perMonth(`${id}: findings at 6 ${of}`, found(id, 'six'), 0.05),
      perMonth(`${id}: findings at 8 ${of}`, found(id, 'eight'), 0),
    ]),
  ];
}

function perMonth(what: string, value: number, most?: number): Figure {
  const line = most === undefined ? {} : { line: { sense: 'atMost', value: most } as const };
  return { what, value, digits: 3, ...line };
}

/** The delays that issue 4 asks for: to a finding at 6. */
export function judgedDelays(tries: readonly Try[]): Figure[] {
  const figures: Figure[] = [];
  for (const [name, seconds] of [
    ['steady', 30],
    ['noisy', 180],
  ] as const) {
    const of = tries.filter((t) => t.attack === '×9.12' && t.rate >= 1 && t.class === name);
    if (of.length === 0) continue;
    figures.push({
      what: `×9.12 at 1/s or more, ${name}: 90th percentile to a finding at 6 (${of.length} tries)`,
      value:
        quantile(
          of.map((t) => t.six?.ms),
          0.9,
        ) / 1000,
      digits: 0,
      unit: 's',
      line: { sense: 'atMost', value: seconds },
    });
  }
  for (const [text, low, high, most] of [
    ['at most 2 %', 0, 0.02, 25],
    ['10 %', 0.1, 0.1, 60],
  ] as const) {
    const of = tries.filter(
      (t) =>
        /^errors to 60 % \((forbidden|notFound)\)$/.test(t.attack) &&
        t.base >= low &&
        t.base <= high,
    );
    if (of.length === 0) continue;
    figures.push({
      what: `errors to 60 %, usually ${text}: 90th percentile to a finding at 6 (${of.length} tries)`,
      value: quantile(
        of.map((t) => t.six?.requests),
        0.9,
      ),
      digits: 0,
      unit: 'requests',
      line: { sense: 'atMost', value: most },
    });
  }
  return figures;
}

/** One row for each attack and rate. */
function seen(tries: readonly Try[]): Figure[] {
  const cells = Map.groupBy(tries, (t) => `${t.attack}, keys of ${t.rate}/s`);
  return [...cells.entries()].map(([name, of]) => {
    const share = (delay: (t: Try) => Delay | undefined) =>
      (100 * of.filter((t) => delay(t) !== undefined).length) / of.length;
    const after = (q: number) =>
      secondsText(
        quantile(
          of.map((t) => t.low?.ms),
          q,
        ),
      );
    return {
      what:
        `${name} (${of.length} tries): seen, medium or more ${share((t) => t.medium).toFixed(0)} %; ` +
        `half after ${after(0.5)}, nine in ten after ${after(0.9)}`,
      value: share((t) => t.low),
      digits: 0,
      unit: '%',
    };
  });
}

function fleetFigures(scene: FleetResult): Figure[] {
  const others = Object.entries(scene.others).map(([kind, n]) => `${n} of a ${kind}`);
  const told =
    others.length === 0 ? 'no incident of other subjects' : `incidents: ${others.join(', ')}`;
  const { name } = scene;
  if (name.startsWith('deploy') || name.startsWith('launch')) {
    return [
      {
        what: `${name}: keys at high or more (${told})`,
        value: (100 * scene.keysHigh) / scene.keysHit,
        unit: '%',
        digits: 1,
        line: { sense: 'atMost', value: 1 },
      },
      {
        what: `${name}: incidents of the fleet or a consumer`,
        value: (scene.others.fleet ?? 0) + (scene.others.consumer ?? 0),
        digits: 0,
        line: { sense: 'atLeast', value: 1 },
      },
    ];
  }
  if (name.startsWith('month-end')) {
    return [
      incidentFigure(`${name}: most incidents of low or more of one key`, scene.mostOfOneKey, 1),
    ];
  }
  if (name === 'clocks change') {
    const ofHours = KNOW_HOURS.reduce((sum, id) => sum + (scene.detectors[id] ?? 0), 0);
    const keys = `keys of ${scene.keysHit} with an incident`;
    return [
      incidentFigure(`${name}: findings of detectors that know hours`, ofHours, 0),
      incidentFigure(
        `${name}: ${keys} of medium or more, of whatever detector`,
        scene.keysMedium,
        0,
      ),
      incidentFigure(`${name}: ${keys} of low or more, of whatever detector`, scene.keysLow),
    ];
  }
  return [
    incidentFigure(`${name}: keys with an incident of medium or more (${told})`, scene.keysMedium),
  ];
}

function incidentFigure(what: string, value: number, most?: number): Figure {
  const line = most === undefined ? {} : { line: { sense: 'atMost', value: most } as const };
  return { what, value, digits: 0, ...line };
}

function poisoningFigures(runs: readonly Poisoning[]): Figure[] {
  const kinds = Map.groupBy(runs, ({ growthPerDay, isAnyHour }) => `${growthPerDay} ${isAnyHour}`);
  return [...kinds.values()].map((of): Figure => {
    const { growthPerDay, isAnyHour } = of[0]!;
    const before = POISONED_BEFORE[growthPerDay as keyof typeof POISONED_BEFORE];
    const from = isAnyHour ? 'from any hour' : 'from day 28';
    const what = `growth of ${100 * growthPerDay} % a day ${from}: seen before ${before}× (${of.length} runs)`;
    return {
      what,
      value: (100 * of.filter((run) => run.caughtAt !== undefined).length) / of.length,
      digits: 0,
      unit: '%',
      ...(isAnyHour ? {} : { line: { sense: 'atLeast', value: 95 } }),
    };
  });
}

/** Undefined counts as never. */
export function quantile(values: readonly (number | undefined)[], q: number): number {
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

function secondsText(ms: number): string {
  if (!Number.isFinite(ms)) return 'never';
  const seconds = ms / 1000;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
