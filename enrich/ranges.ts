/** Ranges of addresses: a single address, or CIDR. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { IpAddress } from './geography.ts';

/** First address and number of leading bits. */
export type Range = readonly [IpAddress, number];

/** Undefined for what is neither an address nor CIDR. */
export function parseRange(text: string): Range | undefined {
  const [address = '', bits, more] = text.split('/');
  if (isIP(address) === 0 || more !== undefined) return undefined;
  const base = ipaddr.process(address);
  const widest = base.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [base, widest];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= widest ? [base, Number(bits)] : undefined;
}

export function isWithin(address: IpAddress, [base, bits]: Range): boolean {
  if (address.kind() !== base.kind()) return false;
  return address.match([base, bits] as [ipaddr.IPv4, number] & [ipaddr.IPv6, number]);
}
