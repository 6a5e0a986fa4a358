/** Certificates of our own listeners: whether they can be used, and for how long. */
import type { Clock } from '../../core/clock.ts';
import { toIso } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import type { Check } from '../contract.ts';
import { certificateOf, listenerTls } from '../listener-tls.ts';
import { check, failed } from './check.ts';

const DAY_MS = 86_400_000;
/** Renewed once a month or quarter by most; sooner than this it was forgotten. */
const DAYS_MIN = 14;

export function checkCertificates({ tls }: Config, clock: Clock): Check[] {
  return Object.entries(tls).flatMap(([listener, settings]): Check | [] => {
    if (settings === undefined) return [];
    const name = `certificate ${listener}`;
    try {
      listenerTls(settings);
      const { subject, validFromDate, validToDate } = certificateOf(settings);
      const now = clock.now();
      const days = Math.floor((validToDate.getTime() - now) / DAY_MS);
      const until = `${subject.replaceAll('\n', ', ')}, until ${toIso(validToDate.getTime())}`;
      const clients = settings.clientCa === undefined ? '' : '; clients need one too';
      if (validFromDate.getTime() > now) {
        return check(name, false, `${until}: not valid yet`, 'Is the clock of this machine right?');
      }
      const renew = 'Renew it, and start `run` again: files are read at the start.';
      return check(name, days >= DAYS_MIN, `${until}, ${days} days left${clients}`, renew);
    } catch (error) {
      return failed(name, error);
    }
  });
}
