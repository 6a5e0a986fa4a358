/**
 * The kill switch of several processes: each has its file, which works whatever is away; Redis carries it from one
 * to the others. Where they start to differ, the last to change counts; at a start, `stopped` does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../contract.ts';
import type { KillSwitch, Stopped } from '../response/kill-switch.ts';

const LOOK_MS = 1000;

/** Where it is kept for all. Driver: store/redis/response/flag.ts. */
export interface SharedSwitch {
  read(): Promise<Stopped | undefined>;
  write(stopped: Stopped | undefined): Promise<void>;
}

export class KillSwitchMirror {
  private readonly own: KillSwitch;
  private readonly shared: SharedSwitch;
  private readonly logger: Logger;
  /** As both were last seen to agree. */
  private agreed: boolean | undefined;
  private isAway = false;

  constructor(own: KillSwitch, shared: SharedSwitch, logger: Logger) {
    this.own = own;
    this.shared = shared;
    this.logger = logger;
  }

  /** One look at both. */
  async look(): Promise<void> {
    try {
      await this.agree();
      this.isAway = false;
    } catch (error) {
      if (!this.isAway) this.logger.warn({ err: error }, 'the kill switch is not shared now');
      this.isAway = true;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async agree(): Promise<void> {
    const own = this.own.read();
    const shared = await this.shared.read();
    const isOwn = own !== undefined;
    const isShared = shared !== undefined;
    if (isOwn !== isShared) {
      // Somebody has changed the file here, or it is a start and the file says `stopped`.
      const isFromHere = this.agreed === undefined ? isOwn : isOwn !== this.agreed;
      if (isFromHere) await this.shared.write(own);
      else if (shared === undefined) this.own.resume();
      else this.own.stop(shared);
    }
    this.agreed = this.own.read() !== undefined;
  }
}
