/** Incidents that people closed as false alarms, as the state of the configuration has them: what was no attack. */
import { KeyhoundError } from '../../core/errors.ts';
import { openClient } from '../client.ts';
import type { BacktestOptions, Incident } from '../contract.ts';
import { type AttackLabel, Labels } from './labels.ts';

/** The newest incidents that are looked through. */
const INCIDENTS_MAX = 1000;

/** Undefined where there is no state, or it cannot be looked into. */
export async function readFalseAlarms(
  options: Pick<BacktestOptions, 'config' | 'signal' | 'onNote'>,
): Promise<Labels | undefined> {
  const { config, signal } = options;
  try {
    const client = await openClient({ config, signal });
    try {
      return falseAlarmsAmong(await client.incidents({ limit: INCIDENTS_MAX }));
    } finally {
      await client.close();
    }
  } catch (error) {
    if (signal.aborted) throw error;
    if (!(error instanceof KeyhoundError) || error.code !== 'state-missing') {
      const why = error instanceof Error ? error.message : 'the state cannot be read';
      options.onNote(`what was closed as a false alarm is not counted: ${why}`);
    }
    return undefined;
  }
}

export function falseAlarmsAmong(incidents: readonly Incident[]): Labels | undefined {
  const found = incidents.flatMap((incident): AttackLabel[] => {
    const { closedAs, closedAt, openedAt, subject, updatedAt } = incident;
    if (closedAs !== 'false-alarm' || subject.kind !== 'key') return [];
    const toAt = Date.parse(closedAt ?? updatedAt);
    return [{ name: subject.id, kind: 'false-alarm', fromAt: Date.parse(openedAt), toAt }];
  });
  return found.length === 0 ? undefined : new Labels(found);
}
