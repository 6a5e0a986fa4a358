/** Sources that fell silent, failed, or are far behind, told to people as what they are: no incidents of keys. */
import type { HealthFacts } from '../responders/alert-texts.ts';
import type { WatchedSource } from './source-watch.ts';

/** Records that come so late say nothing of now. */
const LAG_MS = 10 * 60_000;

/** What is to be told of each source; a telling that fires already, or is over already, is told once by the book. */
export function sourceAlerts(sources: readonly WatchedSource[], now: number): HealthFacts[] {
  return sources.flatMap((source) => {
    const { name, state, detail, skewMs = 0 } = source;
    const speaks = source.counters.records > 0;
    const lagging = state === 'live' && skewMs > LAG_MS;
    return [
      alert(`health-source-${name}`, now, {
        fires: state === 'failed' || (state === 'silent' && speaks),
        title: state === 'failed' ? `source ${name} failed` : `source ${name} is silent`,
        text:
          state === 'failed'
            ? detail
            : 'No records come. Nothing is known of its keys; that they are silent says nothing about them.',
      }),
      alert(`health-lag-${name}`, now, {
        fires: lagging,
        title: `source ${name} is behind`,
        text: `Records come ${Math.round(skewMs / 60_000)} minutes late: nothing is done on what is so old.`,
      }),
    ];
  });
}

function alert(
  id: string,
  at: number,
  { fires, title, text }: { fires: boolean; title: string; text: string },
): HealthFacts {
  const state = fires ? 'firing' : 'resolved';
  return { id, state, severity: 'high', title, text: fires ? text : 'It is over.', at };
}
