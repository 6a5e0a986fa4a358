/** Votes for a shared cause, by aged keys only, with the event time of the evidence; counted by owner. */

const TIMES_MAX = 4;
const OWNERS_MAX = 100_000;
const KEYS_MAX = 64;

type Times = readonly number[];

export class Crowd {
  /** By owner and key. */
  private readonly votes = new Map<string, Map<string, Times>>();
  /** Votes left out because there were too many. */
  dropped = 0;
  version = 0;

  vote(owner: string, key: string, at: number): void {
    const own = this.votes.get(owner) ?? new Map<string, Times>();
    const times = own.get(key);
    if (times?.includes(at) === true) return;
    const isNew = !this.votes.has(owner);
    if ((isNew && this.votes.size >= OWNERS_MAX) || (times === undefined && own.size >= KEYS_MAX)) {
      this.dropped++;
      return;
    }
    own.set(key, [...(times ?? []), at].sort((a, b) => a - b).slice(-TIMES_MAX));
    this.votes.set(owner, own);
    this.version++;
  }

  /** Whether so many owners voted within so long of an instant, before or after. */
  reaches(least: number, at: number, withinMs: number): boolean {
    let count = 0;
    for (const own of this.votes.values()) {
      if (hasVote(own.values(), at, withinMs) && ++count >= least) return true;
    }
    return false;
  }

  /** Keys of an owner that voted within so long of an instant. */
  keysOf(owner: string, at: number, withinMs: number): number {
    const own = [...(this.votes.get(owner)?.values() ?? [])];
    return own.filter((times) => hasVote([times], at, withinMs)).length;
  }

  prune(beforeAt: number): void {
    for (const [owner, own] of this.votes) {
      for (const [key, times] of own) if (times.at(-1)! < beforeAt) own.delete(key);
      if (own.size === 0) this.votes.delete(owner);
    }
  }
}

function hasVote(votes: Iterable<Times>, at: number, withinMs: number): boolean {
  for (const times of votes) {
    if (times.some((time) => Math.abs(time - at) <= withinMs)) return true;
  }
  return false;
}
