/** Incidents counted since the start: by the severity they have now, and what people made of them. */
import type { ClosedAs } from '../../core/control.ts';
import type { Incident, Severity } from '../../core/finding.ts';
import { isShared } from './risk.ts';

/** What an incident counts as: those that raise no alert are counted apart. */
type Count = Severity | 'silenced' | 'partOf';

export class Tally {
  /** Incidents that raise alerts, by severity. */
  readonly severities: Partial<Record<Severity, number>> = {};
  /** Incidents all of whose findings are silenced. */
  silenced = 0;
  /** Incidents that are part of one of many keys, which counts for them. */
  partOf = 0;
  /** Incidents that people closed. */
  readonly closedAs: Record<ClosedAs, number> = { 'false-alarm': 0, resolved: 0 };
  /** Open incidents, and what they count as: nothing where another process counted them. */
  private readonly counted = new Map<string, Count | undefined>();

  get open(): number {
    return this.counted.size;
  }

  /** It was open already when this process began. */
  resume(id: string): void {
    this.counted.set(id, undefined);
  }

  count(incident: Incident): void {
    const before = this.counted.get(incident.id);
    const isOurs = before !== undefined || incident.revision === 1;
    const now = isOurs ? countOf(incident) : undefined;
    if (before !== now) {
      if (before !== undefined) this.add(before, -1);
      if (now !== undefined) this.add(now, 1);
    }
    if (incident.closedAt === null) this.counted.set(incident.id, now);
    else this.counted.delete(incident.id);
  }

  private add(count: Count, step: number): void {
    if (count === 'silenced' || count === 'partOf') this[count] += step;
    else this.severities[count] = (this.severities[count] ?? 0) + step;
  }
}

function countOf(incident: Incident): Count {
  if (incident.silencedBy !== undefined) return 'silenced';
  const isExplained =
    incident.partOf !== undefined && incident.families.every((family) => isShared({ family }));
  return isExplained ? 'partOf' : incident.severity;
}
