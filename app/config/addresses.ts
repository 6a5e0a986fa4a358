/** Addresses to listen on, as the configuration writes them. */
import ipaddr from 'ipaddr.js';
import type { SyslogAddress } from '../../ingest/sources/syslog.ts';

/** Of `HOST:PORT`. */
export function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  if (host === 'localhost') return true;
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}

/** `udp://127.0.0.1:5514`, as the schema has checked it. */
export function syslogAddress(text: string): SyslogAddress {
  const [scheme, address = ''] = text.split('://');
  const colon = address.lastIndexOf(':');
  return {
    transport: scheme === 'tcp' ? 'tcp' : 'udp',
    host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
  };
}

/** The sender of a datagram can be forged, and what is not loopback anybody may write to: no evidence to act on. */
export function mayAct({ transport, host }: SyslogAddress): boolean {
  return transport === 'tcp' && isLoopback(`${host}:0`);
}
