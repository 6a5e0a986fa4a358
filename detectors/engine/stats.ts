/** What an engine has counted since its process began. */
import type { EngineStats } from './contract.ts';
import type { DetectionEngine } from './engine.ts';

export function statsOf(engine: DetectionEngine): EngineStats {
  const { docket, steering, streams } = engine;
  const { watermark } = streams;
  return {
    ...engine.counters,
    subjects: engine.subjects,
    firstAt: Number.isFinite(engine.firstAt) ? engine.firstAt : undefined,
    lastAt: Number.isFinite(engine.lastAt) ? engine.lastAt : undefined,
    watermarkAt: Number.isFinite(watermark) ? watermark : undefined,
    findings: { ...docket.findingCounts },
    incidents: { ...docket.tally.severities },
    silenced: docket.tally.silenced,
    partOf: docket.tally.partOf,
    closedAs: { ...docket.tally.closedAs },
    risks: docket.tally.risks(),
    spanMs: Math.max(0, engine.lastAt - Math.max(engine.resumedAt, engine.firstAt)) || 0,
    heldBack: { ...steering.heldBack },
    openIncidents: docket.open,
  };
}
