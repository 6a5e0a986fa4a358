/** The response in figures, for /metrics. */
import type { ResponseMetrics } from '../../console/response-metrics.ts';
import type { DecideStatus } from '../../decide/endpoint.ts';
import type { LeakTriggerStats } from '../../responders/triggers/leak.ts';
import type { Acting } from './acting.ts';

export function responseFigures(
  { response, telling }: Acting,
  decide: DecideStatus | undefined,
  leaks: LeakTriggerStats | undefined,
): ResponseMetrics {
  const { desk, keeper, options } = response;
  const decisions: Record<string, number> = { held: 0, waiting: 0, standing: 0 };
  for (const { state } of desk.open()) decisions[state] = (decisions[state] ?? 0) + 1;
  const { actions, verdicts } = telling.book.counted;
  return {
    decisions,
    held: { ...desk.status(response.now()).held },
    stopped: options.killSwitch.read() !== undefined,
    unkept: keeper.waiting,
    actions,
    verdicts,
    channels: telling.deliveries.stats(),
    reports: leaks === undefined ? undefined : reportsOf(leaks),
    decide: decide === undefined ? undefined : decideOf(decide),
  };
}

function reportsOf({
  received,
  repeated,
  unsigned,
  stale,
  malformed,
  hits,
  held,
}: LeakTriggerStats) {
  const sum = Object.values(held).reduce((a, b) => a + b, 0);
  return { received, repeated, unsigned, stale, malformed, hit: hits, held: sum };
}

function decideOf({ verdicts, counters }: DecideStatus): ResponseMetrics['decide'] {
  const { decisions, failures, refusedCallers } = counters;
  const answers = Object.entries(decisions).flatMap(([dialect, words]) =>
    Object.entries(words).map(([word, count]) => [dialect, word, count] as const),
  );
  return { verdicts, answers, failures, refusedCallers };
}
