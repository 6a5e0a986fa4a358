/** Metrics of the endpoint, `keyhound_<noun>_<unit>[_total]`, pulled from its counters when somebody scrapes. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import { DECISIONS } from './contract.ts';
import type { DecideStatus } from './endpoint.ts';

export interface Scrape {
  readonly type: string;
  readonly text: string;
}

export function createDecideMetrics(
  status: () => DecideStatus,
  clock: Clock,
): () => Promise<Scrape> {
  const registry = new Registry();
  const updates = [countersIn(registry), gaugesIn(registry)];
  return async () => {
    const now = status();
    for (const update of updates) update(now, clock.now());
    return { type: registry.contentType, text: await registry.metrics() };
  };
}

type Update = (status: DecideStatus, now: number) => void;

function countersIn(registry: Registry): Update {
  const made = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const decisions = made('keyhound_decisions_total', 'Requests decided.', ['dialect', 'decision']);
  const failures = made('keyhound_decision_failures_total', 'Answered by decide.failMode.');
  const callers = made('keyhound_refused_callers_total', 'Requests of who may not ask.');
  const forgotten = made(
    'keyhound_forgotten_buckets_total',
    'Keys whose buckets were forgotten before they were full.',
  );
  return ({ counters, forgottenBuckets }) => {
    for (const counter of [decisions, failures, callers, forgotten]) counter.reset();
    for (const [dialect, counts] of Object.entries(counters.decisions)) {
      for (const decision of DECISIONS) decisions.inc({ dialect, decision }, counts[decision]);
    }
    failures.inc(counters.failures);
    callers.inc(counters.refusedCallers);
    forgotten.inc(forgottenBuckets);
  };
}

function gaugesIn(registry: Registry): Update {
  const made = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const verdicts = made('keyhound_verdicts_count', 'Verdicts in memory.');
  const age = made('keyhound_verdicts_age_seconds', 'Since the store of verdicts was read.');
  const buckets = made('keyhound_limit_buckets_count', 'Keys with buckets in memory.');
  const away = made(
    'keyhound_limits_away_seconds',
    'Since the store of limits is away; 0: it is not.',
  );
  const shed = made('keyhound_limits_shed_ratio', 'What limits are multiplied by for the load.');
  return (status, now) => {
    const { verdictsReadAt, limitsAwaySince } = status;
    verdicts.set(status.verdicts);
    if (verdictsReadAt === undefined) age.remove();
    else age.set((now - verdictsReadAt) / 1000);
    buckets.set(status.buckets);
    away.set(limitsAwaySince === undefined ? 0 : (now - limitsAwaySince) / 1000);
    shed.set(status.shedFactor);
  };
}
