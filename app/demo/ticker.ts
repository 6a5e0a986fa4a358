/** Tells how far the demo is, a few times a second. */
import type { Clock } from '../../core/clock.ts';
import type { DetectionEngine } from '../../detectors/engine/engine.ts';
import type { DemoOptions, DemoPhase } from '../contract.ts';

export interface Ticker {
  /** `span` of event time where the end is known. */
  begin(
    phase: DemoPhase['phase'],
    span: { readonly fromAt: number; readonly toAt: number } | undefined,
  ): void;
  /** To be called often. */
  look(): void;
  /** Since the phase began, wall clock. */
  readonly seconds: number;
}

const TICK_MS = 250;
/** Rates are means over this long: live traffic comes one by one. */
const RATE_MS = 5000;

export function createTicker(
  options: Pick<DemoOptions, 'onTick'>,
  engine: DetectionEngine,
  clock: Clock,
): Ticker {
  let phase: DemoPhase['phase'] = 'history';
  let span: { readonly fromAt: number; readonly toAt: number } | undefined;
  let beganAt = clock.now();
  let toldAt = beganAt;
  let samples: { readonly at: number; readonly events: number }[] = [];
  return {
    get seconds() {
      return (clock.now() - beganAt) / 1000;
    },
    begin(next, nextSpan) {
      phase = next;
      span = nextSpan;
      beganAt = clock.now();
      toldAt = beganAt;
      samples = [{ at: beganAt, events: engine.stats().events }];
    },
    look() {
      const now = clock.now();
      if (now - toldAt < TICK_MS) return;
      toldAt = now;
      const { events, subjects, openIncidents, lastAt } = engine.stats();
      samples.push({ at: now, events });
      while (samples.length > 2 && samples[1]!.at <= now - RATE_MS) samples.shift();
      const first = samples[0]!;
      const atMs = phase === 'live' ? now : (lastAt ?? now);
      options.onTick({
        phase,
        share: span === undefined ? undefined : (atMs - span.fromAt) / (span.toAt - span.fromAt),
        atMs,
        events,
        eventsPerSecond: ((events - first.events) * 1000) / (now - first.at),
        keys: subjects,
        openIncidents,
      });
    },
  };
}
