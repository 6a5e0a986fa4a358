/** What a running instance knows of its sources that makes their keys' detectors less trustworthy. */
import type { Coverage, SourceHealth } from '../detectors/engine/contract.ts';
import { rejectedByReason } from '../ingest/reader.ts';
import type { Session } from './session.ts';
import type { SourceWatch, WatchedSource } from './source-watch.ts';

export interface CoverageParts {
  readonly session: Pick<Session, 'geographyBuiltAt'> & {
    readonly engine: { readonly streams: Pick<Session['engine']['streams'], 'totals'> };
  };
  readonly watch: Pick<SourceWatch, 'sources'>;
}

export function coverageOf({ session, watch }: CoverageParts): Coverage {
  return {
    geographyBuiltAt: session.geographyBuiltAt,
    healthOf(name) {
      const source = watch.sources.find((one) => one.name === name);
      if (source === undefined) return undefined;
      return healthOf(source, session.engine.streams.totals(name));
    },
  };
}

function healthOf(
  source: WatchedSource,
  totals: { readonly late: number; readonly claimed: number },
): SourceHealth {
  const { counters, skewMs = 0, sinceAt = 0, silentSinceAt, gap, lost } = source;
  const rejected = rejectedByReason(counters);
  return {
    sinceAt,
    records: counters.records,
    future: rejected['future'] ?? 0,
    late: totals.late,
    keyless: (rejected['no-key'] ?? 0) + totals.claimed,
    ...(lost === undefined ? {} : { lost }),
    aheadMs: Math.max(0, -skewMs),
    ...(silentSinceAt === undefined ? {} : { silentSinceAt }),
    ...(gap === undefined ? {} : { gap }),
  };
}
