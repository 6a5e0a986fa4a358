/** Calendars: whether they can be read, and whether there is still something ahead in them. */
import { type Clock, toIso } from '../../core/clock.ts';
import { readCalendars } from '../../enrich/calendars.ts';
import type { Check, LoadedConfig } from '../contract.ts';
import { check } from './check.ts';

/** One check a calendar; none where none is configured. */
export function checkCalendars({ config, folder }: LoadedConfig, clock: Clock): Check[] {
  if (config.calendars.length === 0) return [];
  const { windows, faults } = readCalendars(config.calendars, folder);
  const now = clock.now();
  return config.calendars.map((calendar, i) => {
    const name = `calendar ${calendar.name}`;
    const fault = faults.find(({ path }) => path[0] === i);
    if (fault !== undefined) {
      const where = fault.path.slice(1).join('.');
      return check(name, false, where === '' ? fault.message : `${where}: ${fault.message}`);
    }
    const own = windows.filter((window) => window.name === calendar.name);
    const ahead = own.filter(({ toAt }) => toAt > now).sort((a, b) => a.fromAt - b.fromAt);
    const next = ahead[0];
    // A calendar for the log of last year is a good one.
    if (next === undefined) return check(name, true, `${own.length} windows, none ahead`);
    const begins = next.fromAt <= now ? 'open now, until' : 'the next one at';
    const at = toIso(next.fromAt <= now ? next.toAt : next.fromAt);
    return check(name, true, `${own.length} windows, ${begins} ${at}`);
  });
}
