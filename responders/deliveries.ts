/**
 * From alerts to messages: filtered and grouped by channel, told once, retried until they arrive, over restarts too.
 *
 * An alert joins a delivery that waits for its channel, under what the two have in common, and is sent after a short
 * window, as fast as the channel bears. A revision of what was told is told again only when it is news (ToldBook).
 * A try that fails is repeated with growing pauses for a day; what cannot be delivered is a dead letter, counted and
 * handed to the channel's `fallback`, which is also told when a delivery is merely late.
 *
 * With the store away all of this goes on in memory: the alert that the disk is full must not wait for the disk.
 */
import type { Alert, Channel, Delivery, DeliveryStore, SendResult, Told } from '../core/alert.ts';
import type { Clock } from '../core/clock.ts';
import type { ChannelConfig } from '../core/config-response.ts';
import { KeyhoundError } from '../core/errors.ts';
import { atLeast } from '../core/finding.ts';
import { suggest } from '../core/suggest.ts';
import { TOLD_MS, ToldBook } from './told.ts';
import { WaitingRoom } from './waiting-room.ts';

/** Alerts of this time go in one message, ms: short enough for a page, long enough for a cascade. */
export const GROUP_MS = 300;
/** What only brings up to date waits this long for more of its kind, ms. */
const UPDATE_MS = 60_000;
const PAUSE_MS = 2000;
const PAUSE_MS_MAX = 600_000;
/** After so many failed tries, 7 to 14 s where each fails at once, the fallback is told too. */
const LATE_ATTEMPTS = 4;
const GIVE_UP_MS = 86_400_000;
const SWEEP_MS = 3_600_000;
/** Of what the store could not take. */
const UNSAVED_MAX = 10_000;

export interface DeliveriesOptions {
  readonly channels: readonly { readonly channel: Channel; readonly config: ChannelConfig }[];
  readonly store: DeliveryStore;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of pauses. */
  random(): number;
  /** What a heartbeat says beside that we live. */
  facts?(): Alert['facts'];
  /** No channel could deliver it. */
  onLost?(channel: string, delivery: Delivery, reason: string): void;
  onFailure?(channel: string, delivery: Delivery, result: SendResult): void;
  onStoreError?(error: unknown): void;
}

export interface ChannelStats {
  readonly channel: string;
  readonly kind: string;
  readonly waiting: number;
  readonly sent: number;
  readonly failures: number;
  readonly deadLetters: number;
  /** Alerts that messages counted and did not name. */
  readonly folded: number;
}

class Line {
  readonly channel: Channel;
  readonly config: ChannelConfig;
  /** No message before, epoch ms: it has its pace, and may have asked us to wait. */
  freeAt = 0;
  beatAt = 0;
  busy = false;
  /** Ends its rest. */
  wake: () => void = () => {};
  sent = 0;
  failures = 0;
  deadLetters = 0;

  constructor(channel: Channel, config: ChannelConfig) {
    this.channel = channel;
    this.config = config;
  }

  get hasBeats(): boolean {
    return this.config.kinds.includes('heartbeat');
  }

  /** Until so many ms have passed, or somebody wakes it. */
  rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), Math.min(Math.max(0, ms), SWEEP_MS));
      this.wake = () => {
        clearTimeout(timer);
        this.wake = () => {};
        resolve();
      };
    });
  }
}

export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #lines: ReadonlyMap<string, Line>;
  readonly #told = new ToldBook();
  readonly #room: WaitingRoom;
  /** Told, and not written yet. */
  readonly #toldChanged = new Map<string, Told>();
  #saved: Promise<void> = Promise.resolve();
  #sweepAt = 0;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#room = new WaitingRoom(options.channels.map(({ channel }) => channel));
    this.#lines = new Map(
      options.channels.map(({ channel, config }) => [channel.name, new Line(channel, config)]),
    );
  }

  /** Reads what a run before left. What waits for a channel that is no more goes to the others. */
  async restore(): Promise<void> {
    const { store, clock } = this.#options;
    this.#told.restore(await store.told());
    const known = await store.deliveries();
    this.#room.restore(known);
    for (const delivery of known) {
      if (this.#lines.has(delivery.channel)) continue;
      this.#room.remove(delivery.id);
      for (const alert of delivery.alerts) this.#take(alert, clock.now());
    }
    await this.#save();
  }

  /** Durable when it resolves; never rejects. */
  async tell(alert: Alert): Promise<void> {
    this.#take(alert, this.#options.clock.now());
    await this.#save();
  }

  #take(told: Alert, nowMs: number): void {
    for (const line of this.#lines.values()) {
      const { name, replaces } = line.channel;
      const alert = this.#told.under(name, told);
      if (!this.#wants(line, alert)) continue;
      if (alert.id !== told.id) this.#note(name, told, true, nowMs, alert.id);
      const news = this.#told.newsOf(name, alert);
      if (news === 'none') continue;
      if (news === 'update' && !replaces) {
        // Nobody is told again, but what still waits says how it stands now.
        if (this.#room.refresh(name, alert)) this.#note(name, alert, true, nowMs);
        continue;
      }
      const soonest = nowMs + (news === 'page' ? GROUP_MS : UPDATE_MS);
      const dueAt = Math.max(soonest, alert.waitUntilAt ?? 0);
      const named = this.#room.join(name, alert, { group: groupOf(alert), dueAt, nowMs });
      this.#note(name, alert, named, nowMs);
      line.wake();
    }
  }

  /** Health and approvals reach whoever wants their kind: nobody's floor keeps them away. */
  #wants({ channel, config }: Line, alert: Alert): boolean {
    if (alert.kind === 'test' || !config.kinds.includes(alert.kind)) return false;
    if (alert.kind !== 'incident' && alert.kind !== 'action') return true;
    return atLeast(alert.severity, config.severity) || this.#told.knows(channel.name, alert.id);
  }

  #note(channel: string, alert: Alert, named: boolean, at: number, as?: string): void {
    const { id, revision, state, severity, done } = alert;
    const said = { channel, alert: id, revision, state, severity, done: done.length, named, at };
    const told: Told = as === undefined ? said : { ...said, as };
    this.#told.put(told);
    this.#toldChanged.set(`${channel} ${id}`, told);
  }

  /** Sends what is due; answers when to come again, epoch ms, Infinity when nothing waits. */
  async tick(signal: AbortSignal): Promise<number> {
    const lines = [...this.#lines.values()];
    await Promise.all(lines.map((line) => this.#serve(line, signal)));
    return Math.min(...lines.map((line) => this.#nextAt(line)), Number.POSITIVE_INFINITY);
  }

  /** Until the signal. Channels do not wait for each other. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => this.#runLine(line, signal)));
    await this.#saved;
  }

  async #runLine(line: Line, signal: AbortSignal): Promise<void> {
    const stop = (): void => line.wake();
    signal.addEventListener('abort', stop);
    while (!signal.aborted) {
      await this.#serve(line, signal);
      const waitMs = this.#nextAt(line) - this.#options.clock.now();
      if (!signal.aborted) await line.rest(waitMs);
    }
    signal.removeEventListener('abort', stop);
  }

  #nextAt(line: Line): number {
    const dueAt = line.busy ? Number.POSITIVE_INFINITY : this.#room.dueAt(line.channel.name);
    return Math.min(
      Math.max(dueAt, line.freeAt),
      line.hasBeats ? line.beatAt : Number.POSITIVE_INFINITY,
    );
  }

  /** One message at a time, in the channel's pace. */
  async #serve(line: Line, signal: AbortSignal): Promise<void> {
    if (line.busy) return;
    line.busy = true;
    try {
      const nowMs = this.#options.clock.now();
      if (nowMs >= this.#sweepAt) await this.#sweep(nowMs);
      this.#beat(line, nowMs);
      for (;;) {
        const nowMs = this.#options.clock.now();
        if (signal.aborted || nowMs < line.freeAt) return;
        const delivery = this.#room.next(line.channel.name, nowMs);
        if (delivery === undefined) return;
        line.freeAt = nowMs + 1000 / line.channel.perSecond;
        await this.#try(line, delivery, signal);
      }
    } finally {
      line.busy = false;
    }
  }

  async #try(line: Line, delivery: Delivery, signal: AbortSignal): Promise<void> {
    this.#room.leave(delivery.id);
    const result = await send(line.channel, delivery.alerts, delivery.more, signal);
    if (result.sent) {
      line.sent++;
      this.#room.remove(delivery.id);
    } else if (signal.aborted) this.#room.comeBack(delivery);
    else this.#fail(line, delivery, result);
    await this.#save();
  }

  #fail(line: Line, delivery: Delivery, result: Exclude<SendResult, { sent: true }>): void {
    const nowMs = this.#options.clock.now();
    line.failures++;
    this.#options.onFailure?.(line.channel.name, delivery, result);
    if (result.retryAfterMs !== undefined) {
      line.freeAt = Math.max(line.freeAt, nowMs + result.retryAfterMs);
    }
    if (result.permanent || nowMs - delivery.madeAt >= GIVE_UP_MS) {
      this.#bury(line, delivery, result.reason, nowMs);
      return;
    }
    const attempts = delivery.attempts + 1;
    const dueAt = nowMs + Math.max(this.#pauseMs(attempts), result.retryAfterMs ?? 0);
    const isLate =
      delivery.late === true || (attempts >= LATE_ATTEMPTS && this.#hand(line, delivery, nowMs));
    this.#room.comeBack({ ...delivery, attempts, dueAt, ...(isLate ? { late: true } : {}) });
  }

  /** Half to all of 2 s, 4 s, 8 s … 10 minutes. */
  #pauseMs(attempts: number): number {
    const pause = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (attempts - 1));
    return pause * (0.5 + this.#options.random() / 2);
  }

  #bury(line: Line, delivery: Delivery, reason: string, nowMs: number): void {
    line.deadLetters++;
    const isTold = delivery.late === true || this.#hand(line, delivery, nowMs);
    if (!isTold) this.#options.onLost?.(line.channel.name, delivery, reason);
    this.#room.remove(delivery.id);
  }

  /** To the fallback, unless it is among those that failed. */
  #hand(line: Line, delivery: Delivery, nowMs: number): boolean {
    const { fallback } = line.config;
    const failedAt = [...delivery.failedAt, line.channel.name];
    if (fallback === undefined || failedAt.includes(fallback)) return false;
    if (!this.#lines.has(fallback)) return false;
    // A heartbeat that does not arrive says all there is to say.
    const alerts = delivery.alerts.filter(({ kind }) => kind !== 'heartbeat');
    if (alerts.length + delivery.more === 0) return true;
    const joining = { group: `from ${line.channel.name}`, dueAt: nowMs, nowMs, failedAt };
    for (const alert of alerts) this.#room.join(fallback, alert, joining);
    this.#room.count(fallback, delivery.more, joining);
    this.#lines.get(fallback)?.wake();
    return true;
  }

  #beat(line: Line, nowMs: number): void {
    if (!line.hasBeats || nowMs < line.beatAt) return;
    const { heartbeatMinutes } = line.config;
    line.beatAt = nowMs + heartbeatMinutes * 60_000;
    const alert: Alert = {
      id: 'heartbeat',
      revision: nowMs,
      kind: 'heartbeat',
      state: 'firing',
      severity: 'info',
      title: 'Keyhound is alive',
      text: `The next heartbeat comes within ${heartbeatMinutes} minutes.`,
      facts: this.#options.facts?.() ?? [],
      done: [],
      at: nowMs,
    };
    const joining = { group: groupOf(alert), dueAt: nowMs, nowMs };
    this.#room.join(line.channel.name, alert, joining);
  }

  /** One message past queue and filters, for `channels test`. Throws `usage` with code `channel-unknown`. */
  async test(name: string, signal: AbortSignal): Promise<SendResult> {
    const line = this.#lines.get(name);
    if (line === undefined) {
      const known = [...this.#lines.keys()];
      const nearest = suggest(name, known);
      throw new KeyhoundError('usage', 'no channel has that name', {
        code: 'channel-unknown',
        hint: nearest === undefined ? `Channels: ${known.join(', ')}.` : `Did you mean ${nearest}?`,
      });
    }
    const nowMs = this.#options.clock.now();
    const alert: Alert = {
      id: `test-${nowMs}`,
      revision: 1,
      kind: 'test',
      state: 'firing',
      severity: 'info',
      title: 'test message',
      text: 'Somebody tried this channel with `keyhound channels test`. Nothing happened.',
      facts: [['channel', name]],
      done: [],
      at: nowMs,
    };
    return send(line.channel, [alert], 0, signal);
  }

  stats(): ChannelStats[] {
    return [...this.#lines.values()].map(({ channel, sent, failures, deadLetters }) => ({
      channel: channel.name,
      kind: channel.kind,
      waiting: this.#room.waiting(channel.name).length,
      ...{ sent, failures, deadLetters },
      folded: this.#room.folded.get(channel.name) ?? 0,
    }));
  }

  #keepUnsaved(told: Told): void {
    const key = `${told.channel} ${told.alert}`;
    const isKnown = this.#toldChanged.has(key) || this.#toldChanged.size >= UNSAVED_MAX;
    if (!isKnown) this.#toldChanged.set(key, told);
  }

  async #sweep(nowMs: number): Promise<void> {
    this.#sweepAt = nowMs + SWEEP_MS;
    this.#told.forget(nowMs - TOLD_MS);
    try {
      await this.#options.store.removeTold(nowMs - TOLD_MS);
    } catch (error) {
      this.#options.onStoreError?.(error);
    }
  }

  /** In the order in which a crash does no harm: what is new, what was told of it, then what is done with. */
  #save(): Promise<void> {
    this.#saved = this.#saved.then(async () => {
      const { store, onStoreError } = this.#options;
      const changed = this.#room.takeChanged();
      const told = [...this.#toldChanged.values()];
      this.#toldChanged.clear();
      try {
        for (const id of changed) {
          const delivery = this.#room.get(id);
          if (delivery !== undefined) await store.putDelivery(delivery);
        }
        for (const one of told) await store.putTold(one);
        for (const id of changed) {
          if (this.#room.get(id) === undefined) await store.removeDelivery(id);
        }
      } catch (error) {
        // Written with the next that is: until then it lives in memory.
        for (const id of changed) this.#room.touch(id);
        for (const one of told) this.#keepUnsaved(one);
        onStoreError?.(error);
      }
    });
    return this.#saved;
  }
}

/** What is told together. */
function groupOf({ kind, consumer = '' }: Alert): string {
  return `${kind} ${consumer}`;
}

/** A channel that throws has a fault that no retry heals. */
async function send(
  channel: Channel,
  alerts: readonly Alert[],
  more: number,
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    return await channel.send(channel.render(alerts, more), signal);
  } catch {
    return { sent: false, permanent: true, reason: 'the channel itself failed' };
  }
}
