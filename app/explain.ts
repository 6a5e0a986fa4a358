/** Explains an incident: each finding judged again from its recorded inputs, with facts to check it by. */
import { toIso } from '../core/clock.ts';
import type { Facts, Finding, FindingInputs } from '../core/finding.ts';
import type { UsageRow } from '../core/store.ts';
import type { Recomputed } from '../detectors/engine/contract.ts';
import type { ExplainedFinding, Explanation, UsageChart } from './contract.ts';
import type { IncidentData } from './incident-data.ts';
import { type ChartOptions, usageChart } from './usage-chart.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** Hours listed before and after the one in which a finding began. */
const HOURS_BEFORE = 3;
const HOURS_AFTER = 2;
/** Counts of usage that stand for a normal hour. */
const NORMAL_MS = 4 * WEEK_MS;

export interface ExplainOptions extends ChartOptions {
  readonly incidents: IncidentData;
  inputs(findingId: string): Promise<FindingInputs | undefined>;
  recompute(inputs: FindingInputs): Recomputed;
}

/** By the id of an incident or of a finding; a finding comes with its incident, alone. */
export async function explain(
  id: string,
  options: ExplainOptions,
): Promise<Explanation | undefined> {
  const detail = await options.incidents.incident(id);
  if (detail !== undefined) return explained(detail.incident, detail.findings, options);
  const finding = await options.incidents.finding(id);
  if (finding === undefined) return undefined;
  const incident = await options.incidents.incidentOf(finding);
  return incident === undefined ? undefined : explained(incident, [finding], options);
}

async function explained(
  incident: Explanation['incident'],
  findings: readonly Finding[],
  options: ExplainOptions,
): Promise<Explanation> {
  const all: ExplainedFinding[] = [];
  let chart: UsageChart | undefined;
  for (const finding of findings) {
    const inputs = await options.inputs(finding.id);
    if (inputs !== undefined) chart ??= await usageChart(incident, inputs, options);
    const facts = await usageFacts(finding, options);
    all.push({
      finding,
      recomputed: inputs === undefined ? undefined : options.recompute(inputs),
      ...(facts === undefined ? {} : { facts }),
    });
  }
  const identical = all.every(({ recomputed }) => recomputed?.identical !== false);
  return { incident, findings: all, identical, ...(chart === undefined ? {} : { chart }) };
}

/** Requests of the key around the finding, hour by hour. Undefined where no usage is kept. */
async function usageFacts(finding: Finding, options: ExplainOptions): Promise<Facts | undefined> {
  if (finding.subject.kind !== 'key') return undefined;
  const keyId = finding.subject.id;
  const beganAt = Math.floor(Date.parse(finding.fromAt) / HOUR_MS) * HOUR_MS;
  const rows = await options.usage(keyId, beganAt - NORMAL_MS);
  if (rows.length === 0) return undefined;
  const byHour = new Map(rows.map((row) => [row.hourAt, row]));
  const firstAt = (await options.firstAt(keyId)) ?? rows[0]!.hourAt;
  const lived = (at: number): boolean => at + HOUR_MS > firstAt;
  const requestsAt = (at: number): number => byHour.get(at)?.requests ?? 0;
  const lastHourAt = rows.at(-1)!.hourAt;
  const hours: string[] = [];
  for (
    let at = beganAt - HOURS_BEFORE * HOUR_MS;
    at <= beganAt + HOURS_AFTER * HOUR_MS;
    at += HOUR_MS
  ) {
    if (lived(at) && at <= Math.max(lastHourAt, beganAt))
      hours.push(hourInWords(at, byHour.get(at)));
  }
  return {
    hours,
    ...(lived(beganAt - DAY_MS) ? { sameHourDayBefore: requestsAt(beganAt - DAY_MS) } : {}),
    ...(lived(beganAt - WEEK_MS) ? { sameHourWeekBefore: requestsAt(beganAt - WEEK_MS) } : {}),
    ...normalHours(rows, beganAt, Math.max(firstAt, beganAt - NORMAL_MS)),
  };
}

function hourInWords(at: number, row: UsageRow | undefined): string {
  const { requests = 0, errors = 0 } = row ?? {};
  const day = toIso(at).slice(0, 16).replace('T', ' ');
  return `${day} ${plural(requests, 'request')}, ${plural(errors, 'error')}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Of the hours before the finding's. Hours without a request have no row. */
function normalHours(rows: readonly UsageRow[], beganAt: number, fromAt: number): Facts {
  const hours = Math.floor((beganAt - fromAt) / HOUR_MS);
  if (hours < 1) return {};
  let sum = 0;
  let most = 0;
  for (const { hourAt, requests } of rows) {
    if (hourAt >= beganAt) continue;
    sum += requests;
    most = Math.max(most, requests);
  }
  return {
    hoursBefore: hours,
    requestsPerHourMean: Number((sum / hours).toPrecision(3)),
    requestsPerHourMax: most,
  };
}
