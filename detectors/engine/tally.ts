/** Incidents counted since the start: by the severity they have now, and what people made of them. */
import type { ClosedAs } from '../../core/control.ts';
import type { Incident, Severity } from '../../core/finding.ts';
import { isShared } from './risk.ts';

/** What an incident counts as: those that raise no alert are counted apart. */
type Count = Severity | 'silenced' | 'partOf';

interface Counted {
  readonly as: Count;
  readonly tenth: number;
}

const RISK_MAX = 30;

export class Tally {
  /** Incidents that raise alerts, by severity. */
  readonly severities: Partial<Record<Severity, number>> = {};
  /** Incidents all of whose findings are silenced. */
  silenced = 0;
  /** Incidents that are part of one of many keys, which counts for them. */
  partOf = 0;
  /** Incidents that people closed. */
  readonly closedAs: Record<ClosedAs, number> = { 'false-alarm': 0, resolved: 0 };
  /** How many that raise alerts have which risk, by tenths; what is above RISK_MAX stands there. */
  private readonly tenths = new Map<number, number>();
  /** Open incidents, and what they count as: nothing where another process counted them. */
  private readonly counted = new Map<string, Counted | undefined>();

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
    const now = isOurs ? countedOf(incident) : undefined;
    if (before !== undefined) this.add(before, -1);
    if (now !== undefined) this.add(now, 1);
    if (incident.closedAt === null) this.counted.set(incident.id, now);
    else this.counted.delete(incident.id);
  }

  /** How many incidents that raise alerts have which risk. */
  risks(): [risk: number, incidents: number][] {
    return [...this.tenths].map(([tenth, incidents]) => [tenth / 10, incidents]);
  }

  private add({ as, tenth }: Counted, step: number): void {
    if (as === 'silenced' || as === 'partOf') this[as] += step;
    else {
      this.severities[as] = (this.severities[as] ?? 0) + step;
      this.tenths.set(tenth, (this.tenths.get(tenth) ?? 0) + step);
    }
  }
}

function countedOf(incident: Incident): Counted {
  return { as: countOf(incident), tenth: Math.floor(10 * Math.min(RISK_MAX, incident.risk)) };
}

function countOf(incident: Incident): Count {
  if (incident.silencedBy !== undefined) return 'silenced';
  const isExplained =
    incident.partOf !== undefined && incident.families.every((family) => isShared({ family }));
  return isExplained ? 'partOf' : incident.severity;
}
