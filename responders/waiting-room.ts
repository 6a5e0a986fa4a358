/**
 * Deliveries that wait for a channel, and how alerts join them. The truth while the program runs; the store has a
 * copy for after a restart.
 *
 * Bounded: a channel has at most GROUPS_MAX groups and one for all others, a group `waitingMax` deliveries, a
 * delivery `alertsMax` alerts. What comes beyond is counted in the `more` of the group's last delivery, least severe
 * first: told as a number, never dropped in silence.
 */
import { randomUUID } from 'node:crypto';
import type { Alert, Channel, Delivery } from '../core/alert.ts';
import { SEVERITIES } from '../core/finding.ts';

const GROUPS_MAX = 8;
const OTHERS = 'others';

export type ChannelBounds = Pick<Channel, 'name' | 'alertsMax' | 'waitingMax'>;

/** `nowMs` left out: nothing new came. */
type When = Pick<Joining, 'dueAt'> & Partial<Pick<Joining, 'nowMs'>>;

export interface Joining {
  readonly group: string;
  /** Epoch ms. */
  readonly dueAt: number;
  readonly nowMs: number;
  readonly failedAt?: readonly string[];
}

export class WaitingRoom {
  readonly #deliveries = new Map<string, Delivery>();
  /** Being sent at the moment: nothing may join them. */
  readonly #away = new Set<string>();
  /** Changed since they were taken last; to be written, or removed where they are no more. */
  readonly #changed = new Set<string>();
  readonly #channels: ReadonlyMap<string, ChannelBounds>;
  /** Alerts that a message counts and does not name, by channel, since the start. */
  readonly folded = new Map<string, number>();

  constructor(channels: Iterable<ChannelBounds>) {
    this.#channels = new Map([...channels].map((channel) => [channel.name, channel]));
  }

  restore(deliveries: Iterable<Delivery>): void {
    for (const delivery of deliveries) this.#deliveries.set(delivery.id, delivery);
  }

  get(id: string): Delivery | undefined {
    return this.#deliveries.get(id);
  }

  waiting(channel: string): Delivery[] {
    return [...this.#deliveries.values()].filter((delivery) => delivery.channel === channel);
  }

  /** Names it in a message to come; false when it is only counted there. */
  join(channel: string, alert: Alert, joining: Joining): boolean {
    const { alertsMax, waitingMax } = this.#channels.get(channel)!;
    // Who had the fallback told of it is told of nothing new there: what is new goes in one of its own.
    this.#supersede(channel, alert);
    const open = this.#fresh(channel);
    if (this.#replace(open, alert, joining)) return true;
    const group = groupOf(this.waiting(channel), joining.group);
    const own = open.filter((delivery) => delivery.group === group);
    const last = own.at(-1);
    if (last !== undefined && last.alerts.length < alertsMax) {
      this.put({ ...joined(last, joining), alerts: [...last.alerts, alert] });
      return true;
    }
    if (last === undefined || own.length < waitingMax) {
      this.put({ ...begun(channel, { ...joining, group }), alerts: [alert] });
      return true;
    }
    return this.#fold(last, alert, joining);
  }

  /** Brings up to date what waits; false where the alert does not. */
  refresh(channel: string, alert: Alert): boolean {
    return this.#replace(this.#fresh(channel), alert, { dueAt: Number.POSITIVE_INFINITY });
  }

  #fresh(channel: string): Delivery[] {
    return this.#open(channel).filter(({ late }) => late === undefined);
  }

  /** Counts further alerts, which nobody names, in the group's last message to come. */
  count(channel: string, more: number, joining: Joining): void {
    if (more === 0) return;
    const open = this.#open(channel);
    const last = open.findLast(({ group }) => group === joining.group) ?? open.at(-1);
    const into = last === undefined ? begun(channel, joining) : joined(last, joining);
    this.put({ ...into, more: into.more + more });
  }

  #open(channel: string): Delivery[] {
    return this.waiting(channel).filter(({ id }) => !this.#away.has(id));
  }

  /** What a late delivery says of it must not come after what is said now. */
  #supersede(channel: string, { id }: Alert): void {
    for (const delivery of this.#open(channel)) {
      if (delivery.late === undefined) continue;
      const alerts = delivery.alerts.filter((alert) => alert.id !== id);
      if (alerts.length === delivery.alerts.length) continue;
      if (alerts.length + delivery.more === 0) this.remove(delivery.id);
      else this.put({ ...delivery, alerts });
    }
  }

  #replace(open: readonly Delivery[], alert: Alert, joining: When): boolean {
    for (const delivery of open) {
      const at = delivery.alerts.findIndex(({ id }) => id === alert.id);
      if (at < 0) continue;
      this.put({ ...joined(delivery, joining), alerts: delivery.alerts.with(at, alert) });
      return true;
    }
    return false;
  }

  /** The least severe is the one that is only counted; of equal ones the newest. */
  #fold(delivery: Delivery, alert: Alert, joining: When): boolean {
    const { alerts, channel, more } = delivery;
    this.#countFolded(channel, 1);
    const least = alerts.reduce((min, one) => (rank(one) < rank(min) ? one : min));
    const isNamed = rank(alert) > rank(least);
    const named = isNamed ? alerts.with(alerts.indexOf(least), alert) : alerts;
    this.put({ ...joined(delivery, joining), alerts: named, more: more + 1 });
    return isNamed;
  }

  /** Of the deliveries that are due, the most severe, of equal ones the oldest. */
  next(channel: string, nowMs: number): Delivery | undefined {
    const due = this.#open(channel).filter(({ dueAt }) => dueAt <= nowMs);
    return due.sort((a, b) => worst(b) - worst(a) || a.madeAt - b.madeAt)[0];
  }

  /** When the next one is due, epoch ms; Infinity when none waits. */
  dueAt(channel: string): number {
    const due = this.#open(channel).map((delivery) => delivery.dueAt);
    return Math.min(Number.POSITIVE_INFINITY, ...due);
  }

  leave(id: string): void {
    this.#away.add(id);
  }

  /** Back without success: what was news in the meantime stands in another delivery, and is not told twice. */
  comeBack(delivery: Delivery): void {
    const { id, channel, group } = delivery;
    this.#away.delete(id);
    const others = this.waiting(channel).filter((other) => other.id !== id);
    const known = others.flatMap(({ alerts }) => alerts);
    const alerts = delivery.alerts.filter((alert) => {
      return !known.some((one) => one.id === alert.id && one.revision >= alert.revision);
    });
    if (alerts.length === 0 && delivery.more === 0) {
      this.remove(id);
      return;
    }
    const before = others.find((other) => other.late === true && other.group === group);
    if (delivery.late === undefined || before === undefined) this.put({ ...delivery, alerts });
    else this.#merge(before, { ...delivery, alerts });
  }

  /** Of a group one late delivery is enough, so that a receiver that is away for a day costs no memory. */
  #merge(late: Delivery, next: Delivery): void {
    const { alertsMax } = this.#channels.get(late.channel)!;
    const renewed = new Set(next.alerts.map(({ id }) => id));
    const old = late.alerts.filter(({ id }) => !renewed.has(id));
    const all = [...old, ...next.alerts].sort((a, b) => rank(b) - rank(a));
    const folded = Math.max(0, all.length - alertsMax);
    this.#countFolded(late.channel, folded);
    const more = late.more + next.more + folded;
    this.put({ ...late, alerts: all.slice(0, alertsMax), more, madeAt: next.madeAt });
    this.remove(next.id);
  }

  #countFolded(channel: string, count: number): void {
    this.folded.set(channel, (this.folded.get(channel) ?? 0) + count);
  }

  put(delivery: Delivery): void {
    this.#deliveries.set(delivery.id, delivery);
    this.#changed.add(delivery.id);
  }

  remove(id: string): void {
    this.#away.delete(id);
    this.#deliveries.delete(id);
    this.#changed.add(id);
  }

  /** To be written once more. */
  touch(id: string): void {
    this.#changed.add(id);
  }

  /** Ids of all that have changed since the last call. */
  takeChanged(): string[] {
    const ids = [...this.#changed];
    this.#changed.clear();
    return ids;
  }
}

function groupOf(waiting: readonly Delivery[], group: string): string {
  const groups = new Set(waiting.map((delivery) => delivery.group));
  return groups.has(group) || groups.size < GROUPS_MAX ? group : OTHERS;
}

function begun(channel: string, { group, dueAt, nowMs, failedAt = [] }: Joining): Delivery {
  const id = `dlv_${randomUUID()}`;
  const content = { id, channel, group, alerts: [], more: 0 };
  return { ...content, attempts: 0, dueAt, madeAt: nowMs, failedAt };
}

function joined(delivery: Delivery, { dueAt, nowMs = delivery.madeAt }: When): Delivery {
  // One that failed keeps its time: it waits for the receiver to recover.
  const isSooner = delivery.attempts === 0 && dueAt < delivery.dueAt;
  return { ...delivery, madeAt: nowMs, dueAt: isSooner ? dueAt : delivery.dueAt };
}

function rank({ severity }: Alert): number {
  return SEVERITIES.indexOf(severity);
}

function worst({ alerts }: Delivery): number {
  return Math.max(0, ...alerts.map(rank));
}
