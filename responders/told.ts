/** What each channel was told of each alert, and so whether there is anything to tell it now. */
import type { Alert, Told } from '../core/alert.ts';
import { SEVERITIES } from '../core/finding.ts';

/** Alerts are remembered for this long, ms; what is told of one afterwards is told as new. */
export const TOLD_MS = 30 * 86_400_000;
/** Most that is remembered; the oldest gives way. */
const TOLD_MAX = 50_000;

/** `page`: it is to be seen. `update`: it only brings up to date what was said. */
export type News = 'page' | 'update' | 'none';

export class ToldBook {
  /** In the order in which they were told last. */
  readonly #told = new Map<string, Told>();

  restore(told: Iterable<Told>): void {
    for (const one of [...told].sort((a, b) => a.at - b.at)) this.put(one);
  }

  /** Whether the channel knows of the alert at all. */
  knows(channel: string, alert: string): boolean {
    return this.#told.has(keyOf(channel, alert));
  }

  /** The alert under the id by which the channel knows it. */
  under(channel: string, alert: Alert): Alert {
    const known = this.#told.get(keyOf(channel, alert.id));
    const told = alert.follows?.find((id) => this.knows(channel, id));
    const as = known === undefined ? told : known.as;
    return as === undefined ? alert : { ...alert, id: as, kind: 'action' };
  }

  newsOf(channel: string, alert: Alert): News {
    const told = this.#told.get(keyOf(channel, alert.id));
    if (told === undefined) return alert.state === 'firing' ? 'page' : 'none';
    if (alert.revision <= told.revision) return 'none';
    if (alert.state !== told.state) return alert.state === 'firing' || told.named ? 'page' : 'none';
    // Of what is over, and was told to be, people want no more news than what was done about it.
    const rose = SEVERITIES.indexOf(alert.severity) > SEVERITIES.indexOf(told.severity);
    if (alert.done.length > told.done || (rose && alert.state === 'firing')) return 'page';
    return told.named ? 'update' : 'none';
  }

  put(told: Told): void {
    const key = keyOf(told.channel, told.alert);
    this.#told.delete(key);
    this.#told.set(key, told);
    if (this.#told.size <= TOLD_MAX) return;
    const [oldest] = this.#told.keys();
    this.#told.delete(oldest!);
  }

  /** Forgets what was told before that instant. */
  forget(beforeAt: number): void {
    for (const [key, { at }] of this.#told) {
      if (at >= beforeAt) return;
      this.#told.delete(key);
    }
  }
}

function keyOf(channel: string, alert: string): string {
  return `${channel} ${alert}`;
}
