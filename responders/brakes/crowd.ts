/** Votes for a shared cause: one a consumer, by aged keys only, with the event time of the evidence. */

const VOTES_MAX = 4;
const OWNERS_MAX = 100_000;

export class Crowd {
  private readonly votes = new Map<string, number[]>();
  /** Votes left out because there were too many owners. */
  dropped = 0;
  version = 0;

  vote(owner: string, at: number): void {
    const own = this.votes.get(owner);
    if (own === undefined && this.votes.size >= OWNERS_MAX) {
      this.dropped++;
      return;
    }
    if (own?.includes(at) === true) return;
    this.votes.set(owner, [...(own ?? []), at].sort((a, b) => a - b).slice(-VOTES_MAX));
    this.version++;
  }

  /** Whether so many owners voted within so long of an instant, before or after. */
  reaches(least: number, at: number, withinMs: number): boolean {
    let count = 0;
    for (const times of this.votes.values()) {
      if (times.some((time) => Math.abs(time - at) <= withinMs) && ++count >= least) return true;
    }
    return false;
  }

  prune(beforeAt: number): void {
    for (const [owner, times] of this.votes) {
      if (times.every((time) => time < beforeAt)) this.votes.delete(owner);
    }
  }
}
