/**
 * How many alerts a day one can bear, turned into the risk from which to alert: what the incidents of the past would
 * have come to. It is advice; nothing alerts or keeps still by it.
 */

/** One line `{"type":"budget"}`. */
export interface AlertBudget {
  readonly type: 'budget';
  /** Alerts a day that are wanted at most. */
  readonly perDay: number;
  /** Days looked at, at least one. */
  readonly days: number;
  readonly incidents: number;
  /** Least risk, in tenths, from which on there would have been no more than that. */
  readonly threshold: number;
  /** How many a day there would have been. */
  readonly alertsPerDay: number;
}

/** An incident opens at a risk of 4. */
const RISK_MIN = 4;
const DAY_MS = 86_400_000;

/** `risks`: how many incidents had which risk. `spanMs`: the time they came in; less than a day counts as one. */
export function alertBudget(
  risks: Iterable<readonly [risk: number, incidents: number]>,
  spanMs: number,
  perDay: number,
): AlertBudget {
  const days = Math.max(1, spanMs / DAY_MS);
  const ranked = [...risks].sort(([a], [b]) => b - a);
  let alerts = 0;
  let threshold = RISK_MIN;
  for (const [risk, incidents] of ranked) {
    if (alerts + incidents > perDay * days) {
      threshold = (Math.floor(Math.round(risk * 1000) / 100) + 1) / 10;
      break;
    }
    alerts += incidents;
  }
  // Those of the same tenth are above the threshold or below it together.
  const above = ranked.filter(([risk]) => risk >= threshold);
  const count = above.reduce((sum, [, incidents]) => sum + incidents, 0);
  return {
    type: 'budget',
    perDay,
    days: Number(days.toFixed(2)),
    incidents: ranked.reduce((sum, [, incidents]) => sum + incidents, 0),
    threshold,
    alertsPerDay: Number((count / days).toFixed(2)),
  };
}
