/** What people say, as control records, and an engine to say it to. */
import type { Closing, Rule } from '../../../core/control.ts';
import type { ApiEvent } from '../../../core/event.ts';
import type { ControlRecord } from '../../../core/store.ts';
import { type Bench, latest, openBench } from '../bench.ts';
import { FROM_AT, MINUTE_MS, PROBES, script } from './probe.ts';

let sequence = 0;
export const minute = (minutes: number): number => FROM_AT + minutes * MINUTE_MS;

export function silence(change: Partial<Rule> = {}, at = minute(0)): ControlRecord {
  const rule: Rule = {
    id: `sil_${++sequence}`,
    kind: 'silence',
    fromAt: at,
    untilAt: null,
    by: 'ann',
    reason: 'load test',
    ...change,
  };
  return { sequence, at, kind: rule.kind, body: { change: 'add', rule } };
}

export function remove(id: string, at: number): ControlRecord {
  const body = { change: 'remove', id, by: 'ann', reason: 'done' };
  return { sequence: ++sequence, at, kind: 'silence', body };
}

export function closing(bench: Bench, as: Closing['as'], at: number): ControlRecord {
  const incident = latest(bench.incidents).at(-1)!;
  const evidence = latest(bench.findings)
    .filter(({ id }) => incident.findings.includes(id))
    .map(({ detector, about = '', score }) => ({ detector, about, score }));
  const untilAt = at + 30 * 86_400_000;
  const body = { as, by: 'ann', reason: 'known', incident, evidence, untilAt };
  return { sequence: ++sequence, at, kind: 'close', body };
}

export const volume = (bytesOut: number, change: Partial<ApiEvent> = {}) => ({
  method: 'volume',
  bytesOut,
  ...change,
});
export const GERMAN = { country: 'DE' } as ApiEvent['place'];

export function opened() {
  const bench = openBench({ detectors: PROBES });
  return { ...bench, at: script() };
}
