/** How often one network may knock, and how many doors it may hold, judged before anything of a request is read. */

/** Requests at once, and how many a second come back. */
const BURST = 60;
const PER_SECOND = 2;
/** Networks remembered; the one that knocked longest ago gives way, and begins anew. */
const NETWORKS_MAX = 10_000;

/** Connections that one network may have at a time: it must not keep the others out. */
const CONNECTIONS_MAX = 16;

interface Bucket {
  tokens: number;
  at: number;
}

export class AddressLimits {
  readonly #buckets = new Map<string, Bucket>();

  /** 0 when it may pass; else ms until it may. */
  take(address: string, nowMs: number): number {
    const network = networkOf(address);
    const known = this.#buckets.get(network) ?? { tokens: BURST, at: nowMs };
    const passed = Math.max(0, nowMs - known.at) / 1000;
    const tokens = Math.min(BURST, known.tokens + passed * PER_SECOND);
    const isFree = tokens >= 1;
    this.#buckets.delete(network);
    this.#buckets.set(network, { tokens: isFree ? tokens - 1 : tokens, at: nowMs });
    if (this.#buckets.size > NETWORKS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!);
    return isFree ? 0 : Math.ceil(((1 - tokens) / PER_SECOND) * 1000);
  }
}

export class ConnectionLimits {
  readonly #open = new Map<string, number>();

  /** False when it has enough of them; else to be given back. */
  take(address: string): boolean {
    const network = networkOf(address);
    const open = this.#open.get(network) ?? 0;
    if (open >= CONNECTIONS_MAX) return false;
    this.#open.set(network, open + 1);
    return true;
  }

  giveBack(address: string): void {
    const network = networkOf(address);
    const open = (this.#open.get(network) ?? 0) - 1;
    if (open > 0) this.#open.set(network, open);
    else this.#open.delete(network);
  }
}

/** Whoever has an IPv6 address has a /64 of them. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  const groups = plain.includes('::') ? [...before, ...zeros, ...after] : before;
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':');
}
