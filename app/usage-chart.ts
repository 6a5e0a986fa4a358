/** The last two weeks of a key up to an incident, hour by hour, beside what was expected before it began. */
import { toIso } from '../core/clock.ts';
import type { FindingInputs, Incident } from '../core/finding.ts';
import type { UsageRow } from '../core/store.ts';
import type { ExpectedHour } from '../detectors/engine/contract.ts';
import type { UsageChart } from './contract.ts';

const HOUR_MS = 3_600_000;
const HOURS = 14 * 24;
/** An incident that lasted longer is shown to here, or its beginning would be out of sight. */
const AFTER_HOURS = 48;

export interface ChartOptions {
  usage(keyId: string, sinceAt: number): Promise<readonly UsageRow[]>;
  expected(inputs: FindingInputs, hours: readonly number[]): readonly ExpectedHour[] | undefined;
  firstAt(keyId: string): Promise<number | undefined>;
}

/** Undefined where nothing is kept to draw it from. */
export async function usageChart(
  incident: Incident,
  inputs: FindingInputs,
  options: ChartOptions,
): Promise<UsageChart | undefined> {
  const { id, kind } = incident.subject;
  if (kind !== 'key') return undefined;
  const beganHour = Math.floor(Date.parse(incident.openedAt) / HOUR_MS);
  const lastHour = Math.floor(Date.parse(incident.updatedAt) / HOUR_MS);
  const end = Math.min(lastHour, beganHour + AFTER_HOURS) + 1;
  const rows = await options.usage(id, (end - HOURS) * HOUR_MS);
  const firstAt = (await options.firstAt(id)) ?? rows[0]?.hourAt;
  if (rows.length === 0 || firstAt === undefined) return undefined;
  const begin = Math.max(end - HOURS, Math.floor(firstAt / HOUR_MS));
  const hours = Array.from({ length: Math.max(0, end - begin) }, (_, i) => begin + i);
  const expected = options.expected(inputs, hours);
  if (expected === undefined || hours.length === 0) return undefined;
  const byHour = new Map(rows.map((row) => [row.hourAt / HOUR_MS, row.requests]));
  return {
    type: 'chart',
    fromAt: toIso(begin * HOUR_MS),
    beganAt: toIso(beganHour * HOUR_MS),
    requests: hours.map((hour) => byHour.get(hour) ?? 0),
    expected: expected.map(({ mean }) => rounded(mean)),
    low: expected.map(({ low }) => rounded(low)),
    high: expected.map(({ high }) => rounded(high)),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
