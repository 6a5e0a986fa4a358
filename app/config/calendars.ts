/** Rules of calendars, the files that they name included: a broken one is told before anything starts. */
import type { CalendarConfig } from '../../core/config.ts';
import { suggest } from '../../core/suggest.ts';
import { readCalendars } from '../../enrich/calendars.ts';
import type { RuleFault } from './document.ts';

/** `folder`: where relative paths start. */
export function checkCalendars(
  calendars: readonly CalendarConfig[],
  detectors: readonly string[],
  folder: string,
): RuleFault[] {
  const faults: RuleFault[] = readCalendars(calendars, folder).faults.map(({ path, message }) => ({
    path: ['calendars', ...path],
    message,
  }));
  calendars.forEach((calendar, i) => {
    const twin = calendars.findIndex(({ name }) => name === calendar.name);
    if (twin !== i) {
      const message = `calendars[${twin}] has this name too`;
      faults.push({ path: ['calendars', i, 'name'], message });
    }
    calendar.for.detectors?.forEach((id, k) => {
      if (detectors.includes(id)) return;
      const nearest = suggest(id, detectors);
      const hint =
        nearest === undefined ? `One of ${detectors.join(', ')}.` : `Did you mean ${nearest}?`;
      const path = ['calendars', i, 'for', 'detectors', k];
      faults.push({ path, message: 'unknown detector', hint });
    });
  });
  return faults;
}
