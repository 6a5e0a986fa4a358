/**
 * What syslog lost on its way. UDP tells nobody: so what the kernel threw away at our socket is read from its own
 * counter, and gaps are counted where senders number their messages (RFC 5424, `[meta sequenceId]`).
 */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import ipaddr from 'ipaddr.js';

/** Records lost since the start, by where. */
export interface SyslogLosses {
  /** No room: detection is behind, or the disk is full (UDP). */
  readonly full: number;
  /** Thrown away by the kernel, because we did not read fast enough (UDP on Linux); undefined where unknown. */
  readonly kernel: number | undefined;
  /** Missing in the numbering of the sender, where it has one. Counts some of `kernel` and `full` again. */
  readonly missing: number;
  /** Cut off, because the connection ended within a message (TCP). */
  readonly torn: number;
}

const SENDERS_MAX = 1024;
/** A message that comes after a younger one is this much younger at most; what is older means a restart. */
const REORDERED_MAX = 1024;
/** A larger gap is no loss, but a sender that counts anew, or lies. */
const GAP_MAX = 1_000_000;

/** Counts what is missing in the numbering of every sender. Remembers the latest 1,024 senders. */
export class SequenceGaps {
  missing = 0;
  readonly #next = new Map<string, number>();

  seen(sender: string, sequence: number): void {
    const next = this.#next.get(sender);
    this.#next.delete(sender);
    this.#next.set(sender, Math.max(sequence + 1, this.#reordered(sequence, next)));
    if (this.#next.size > SENDERS_MAX) {
      for (const oldest of this.#next.keys()) {
        this.#next.delete(oldest);
        break;
      }
    }
  }

  /** The number to expect from now on when this one came late, else 0. Counts. */
  #reordered(sequence: number, next: number | undefined): number {
    if (next === undefined || sequence === next) return 0;
    if (sequence > next) {
      if (sequence - next <= GAP_MAX) this.missing += sequence - next;
      return 0;
    }
    if (next - sequence > REORDERED_MAX || sequence === 1) return 0;
    if (this.missing > 0) this.missing--;
    return next;
  }
}

/**
 * Datagrams that the kernel dropped at the UDP socket bound to `address` and `port`; undefined where it does not
 * say (no Linux, or a container without /proc).
 */
export function kernelDrops(address: string, port: number): number | undefined {
  const isV6 = address.includes(':');
  try {
    return dropsIn(
      readFileSync(isV6 ? '/proc/net/udp6' : '/proc/net/udp', 'latin1'),
      address,
      port,
    );
  } catch {
    return undefined;
  }
}

/** The same in the text of /proc/net/udp: the last number of the line whose second word is the address. */
export function dropsIn(table: string, address: string, port: number): number | undefined {
  const local = `${kernelAddress(address)}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  let drops: number | undefined;
  for (const line of table.split('\n')) {
    const words = line.trim().split(/\s+/);
    const count = Number(words.at(-1));
    if (words[1] === local && Number.isSafeInteger(count)) drops = (drops ?? 0) + count;
  }
  return drops;
}

/** Hexadecimal, in words of four bytes as the machine has them in memory. */
function kernelAddress(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray();
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    if (endianness() === 'LE') word.reverse();
    words.push(Buffer.from(word).toString('hex'));
  }
  return words.join('');
}
