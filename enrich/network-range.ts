/**
 * A network in CIDR notation as the codes of events (ApiEvent.network): those of its /24 or /64 networks. An event
 * knows no more of an address than that.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { KeyhoundError } from '../core/errors.ts';
import { networkCode } from './address.ts';

/** Networks that one range may stand for. */
const BITS_MAX = 8;

/** Undefined where the text is no address and no range. Throws `usage` for one too narrow or too wide. */
export function networksIn(text: string): number[] | undefined {
  const [address = '', bits, more] = text.split('/');
  if (isIP(address) === 0 || more !== undefined) return undefined;
  const base = ipaddr.process(address);
  const isV4 = base.kind() === 'ipv4';
  const unit = isV4 ? 24 : 64;
  const prefix = bits === undefined ? 8 * base.toByteArray().length : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > 128) return undefined;
  if (prefix > unit || prefix < unit - BITS_MAX) throw unfit(unit);
  const bytes = base.toByteArray().fill(0, unit / 8);
  const last = unit / 8 - 1;
  const count = 2 ** (unit - prefix);
  bytes[last]! &= 256 - count;
  return Array.from({ length: count }, (_, i) => {
    const network = [...bytes];
    network[last]! += i;
    return networkCode(ipaddr.fromByteArray(network));
  });
}

function unfit(unit: number): KeyhoundError {
  const from = unit - BITS_MAX;
  return new KeyhoundError('usage', `a network from /${from} to /${unit} can be named`, {
    code: 'network-unfit',
    hint: `Events know the /${unit} of an address. Name several for a wider one.`,
  });
}
