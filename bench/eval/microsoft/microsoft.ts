/** Microsoft's cloud monitoring series: request rates, latencies, crash rates, labelled by service engineers. */
import { dataFolder } from '../data.ts';
import type { Figure, Part, Peer } from '../part.ts';
import { type ScoredSeries, scoreSeries } from '../series.ts';
import { split } from '../split.ts';
import { type Outcome, outcomeAt, outcomeWithin, type Stretch, tally } from './episodes.ts';

const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;
/** Of the M2 detector and of the best jump detector of algorithms.md §9, before there was this one. */
const BEFORE: Readonly<Record<Pace, readonly Peer[]>> = {
  hourly: [
    { name: 'M2', value: 0.615 },
    { name: 'plain jump', value: 0.963 },
  ],
  'per minute': [{ name: 'plain jump', value: 0.71 }],
};
const ASKED: Readonly<Record<Pace, Pick<Figure, 'line' | 'goal'>>> = {
  hourly: { line: { sense: 'atLeast', value: 0.95 } },
  'per minute': {
    line: { sense: 'atLeast', value: 0.7 },
    goal: { sense: 'atLeast', value: 0.85 },
  },
};

type Pace = 'hourly' | 'per minute';
const PACES: readonly Pace[] = ['hourly', 'per minute'];

export const microsoftPart: Part = {
  name: 'microsoft',
  summary: "Microsoft's cloud monitoring series, hourly and per minute: episodes found.",
  run: async ({ data, say }) => {
    const folder = dataFolder(data, 'ms-cloud-monitoring');
    say('scoring 30 series');
    const series = await scoreSeries(folder);
    const quiet = series.filter(({ labels }) => !labels.includes(1));
    return {
      figures: [...PACES.flatMap((pace) => paceFigures(series, pace)), quietFigure(quiet)],
      notes: NOTES,
      details: Object.fromEntries(series.map((one) => [one.name, fileDetail(one)])),
    };
  },
};

const NOTES: readonly string[] = [
  [
    'An episode is a run of labelled rows, found when one of them is an alarm. Every alarm outside is false,',
    'each for itself. Days are those of all series together, the ones without labels included.',
  ],
  [
    'Hourly: whole series are open or closed (bench/eval/split.ts). Per minute there are six series, and one',
    'has 25 of the 31 episodes: the first half of each is open, the second closed.',
  ],
].map((lines) => lines.join(' '));

function paceFigures(series: readonly ScoredSeries[], pace: Pace): Figure[] {
  const own = series.filter((one) => paceOf(one) === pace);
  const all = tally(own.map((one) => stretchOf(one)));
  const closed = tally(pace === 'hourly' ? closedSeries(series, own) : own.map(secondHalf));
  const asIs = outcomeAt(tally(own.map((one) => stretchOf(one, one.alarms))), 1);
  return [
    ...within(`${pace}, at one false alarm a series-day`, outcomeWithin(all, 1), {
      ...ASKED[pace],
      peers: BEFORE[pace],
    }),
    ...within(`${pace}, at one a week`, outcomeWithin(all, 1 / WEEK_DAYS)),
    ...within(`${pace}, closed half, at one a series-day`, outcomeWithin(closed, 1)).slice(0, 1),
    ...within(`${pace}, the alarms as they are`, asIs),
    { what: `${pace}, false alarms as they are`, value: asIs.falsePerDay, unit: 'a series-day' },
  ];
}

function within(what: string, outcome: Outcome, asked: Partial<Figure> = {}): Figure[] {
  const share = `${outcome.found} of ${outcome.episodes} episodes`;
  return [
    { what: `${what}: recall`, value: outcome.recall, digits: 3, unit: `(${share})`, ...asked },
    { what: `${what}: precision`, value: outcome.precision, digits: 3 },
  ];
}

function quietFigure(quiet: readonly ScoredSeries[]): Figure {
  const alarms = quiet.reduce((sum, one) => sum + count(one.alarms), 0);
  const days = quiet.reduce((sum, one) => sum + daysOf(one), 0);
  return {
    what: `the ${quiet.length} series without labels, alarms as they are`,
    value: alarms / days,
    unit: 'a series-day',
    line: { sense: 'atMost', value: 0.5 },
  };
}

function closedSeries(all: readonly ScoredSeries[], own: readonly ScoredSeries[]): Stretch[] {
  const halves = split(all.map(({ name }) => name));
  return own.filter(({ name }) => halves.get(name) === 'closed').map((one) => stretchOf(one));
}

function secondHalf(one: ScoredSeries): Stretch {
  const middle = one.times.length >> 1;
  return {
    scores: one.scores.subarray(middle),
    labels: one.labels.subarray(middle),
    days: daysOf(one) / 2,
  };
}

function stretchOf(one: ScoredSeries, scores: ArrayLike<number> = one.scores): Stretch {
  return { scores, labels: one.labels, days: daysOf(one) };
}

/** Rows times their usual distance: what was not measured could not be alarmed on. */
function daysOf(one: ScoredSeries): number {
  return (one.times.length * gapOf(one)) / DAY_MS;
}

function gapOf({ times }: ScoredSeries): number {
  const gaps = Array.from(times.subarray(1), (at, i) => at - times[i]!).sort((a, b) => a - b);
  return gaps[gaps.length >> 1]!;
}

function paceOf(one: ScoredSeries): Pace {
  return gapOf(one) < DAY_MS / 48 ? 'per minute' : 'hourly';
}

function fileDetail(one: ScoredSeries) {
  const { threshold: _, ...asIs } = outcomeAt(tally([stretchOf(one, one.alarms)]), 1);
  return { pace: paceOf(one), days: daysOf(one), ...asIs };
}

function count(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0);
}
