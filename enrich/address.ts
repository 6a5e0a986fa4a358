/**
 * Client address → place and network. The client is the right-most address that is not one of our own
 * trusted proxies; X-Forwarded-For counts only when the address that connected is one of them, because
 * its left part is whatever the client wrote.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { KeyhoundError } from '../core/errors.ts';
import { type KeyIdentity, type Place, UNKNOWN_PLACE } from '../core/event.ts';
import { hash32 } from '../core/hash.ts';
import { FIELD, fieldBytes, HINT, type RecordDraft } from '../core/record.ts';
import { Span, trimAddress } from './address-text.ts';
import { ByteCache } from './byte-cache.ts';
import { namedIdentity } from './digest.ts';
import type { Geography, IpAddress } from './geography.ts';
import { ipv4NetworkCode, ipv4NetworkId, ipv4Of } from './ipv4.ts';
import { isWithin, parseRange, type Range } from './ranges.ts';

/** Longest text that can be an address: 45 characters of mapped IPv6. */
const TEXT_MAX = 48;
const SLOT_BYTES = 64;
const COMMA = 0x2c;
const DASH = 0x2d;

/** What is known of one address text. Immutable but for the identity, which is made when first asked for. */
export class Address {
  readonly kind: 'address' | 'none' | 'flawed';
  readonly place: Place;
  /** Stable 32-bit hash of the /24 or /64; 0 when there is no address. */
  readonly network: number;
  /** The same as text, in CIDR; '' when there is no address. */
  readonly networkId: string;
  readonly trusted: boolean;
  readonly #text: string;
  #identity: KeyIdentity | undefined;

  constructor(
    kind: Address['kind'],
    text = '',
    place: Place = UNKNOWN_PLACE,
    network = 0,
    networkId = '',
    trusted = false,
  ) {
    this.kind = kind;
    this.#text = text;
    this.place = place;
    this.network = network;
    this.networkId = networkId;
    this.trusted = trusted;
  }

  /** `ip:ADDRESS`, for `--key client_ip`; undefined when there is no valid address. */
  get identity(): KeyIdentity | undefined {
    if (this.kind !== 'address') return undefined;
    this.#identity ??= namedIdentity(`ip:${this.#text}`);
    return this.#identity;
  }

  /** True also where there is no valid address to judge. Parses it: for what is not asked often. */
  isWithin(ranges: readonly Range[]): boolean {
    if (this.kind !== 'address') return true;
    const address = ipaddr.process(this.#text);
    return ranges.some((range) => isWithin(address, range));
  }
}

const NO_ADDRESS = new Address('none');
const FLAWED_ADDRESS = new Address('flawed');

export interface AddressesOptions {
  readonly geography: Geography;
  /** Addresses or CIDR ranges. */
  readonly trustedProxies: readonly string[];
  readonly cacheSlots: number;
}

export class Addresses {
  readonly #geography: Geography;
  readonly #trusted: readonly Range[];
  readonly #cache: ByteCache<Address>;
  readonly #span = new Span();

  /** Throws `usage` on a trusted proxy that is neither an address nor a CIDR range. */
  constructor(options: AddressesOptions) {
    this.#geography = options.geography;
    this.#trusted = options.trustedProxies.map(proxyRange);
    this.#cache = new ByteCache(options.cacheSlots, SLOT_BYTES, 'second');
  }

  /** The client's address of a record. A hit allocates nothing. */
  resolve(draft: RecordDraft): Address {
    const peer = this.#rightmost(draft, FIELD.clientAddress);
    if (peer === undefined) return NO_ADDRESS;
    return peer.trusted ? (this.#rightmost(draft, FIELD.forwardedFor) ?? peer) : peer;
  }

  /** First step of looking ahead: notes the hash, and reads the table. */
  touch(draft: RecordDraft): number {
    const start = draft.start[FIELD.clientAddress]!;
    const end = draft.end[FIELD.clientAddress]!;
    if (start < 0 || end - start > TEXT_MAX) return 0;
    const hash = this.#cache.hash(fieldBytes(draft, FIELD.clientAddress), start, end);
    draft.hints[HINT.address] = hash;
    return this.#cache.touch(hash);
  }

  /** Second step. */
  touchEntry(draft: RecordDraft): number {
    return this.#cache.touchEntry(draft.hints[HINT.address]!);
  }

  /**
   * Of a field's comma-separated list, the right-most address that is not trusted; the left-most when all
   * are. Where one of our proxies wrote something that is no address, what is left of it proves nothing.
   * Undefined when the field is absent, empty or `-`.
   */
  #rightmost(draft: RecordDraft, field: number): Address | undefined {
    const start = draft.start[field]!;
    const end = draft.end[field]!;
    if (start < 0 || end <= start) return undefined;
    const bytes = fieldBytes(draft, field);
    if (end - start === 1 && bytes[start] === DASH) return undefined;
    let address = NO_ADDRESS;
    for (let to = end; to > start; ) {
      let from = to;
      while (from > start && bytes[from - 1] !== COMMA) from--;
      // The hint is of the whole field of the connection's own address.
      const isWhole = field === FIELD.clientAddress && from === start && to === end;
      address = this.#lookUp(bytes, from, to, isWhole ? draft.hints[HINT.address]! : 0);
      if (!address.trusted) return address;
      to = from - 1;
    }
    return address;
  }

  #lookUp(bytes: Uint8Array, start: number, end: number, hint: number): Address {
    trimAddress(bytes, start, end, this.#span);
    const { start: from, end: to } = this.#span;
    if (to <= from || to - from > TEXT_MAX) return NO_ADDRESS;
    const hash = from === start && to === end ? hint : 0;
    const known = this.#cache.get(bytes, from, to, hash);
    if (known !== undefined) return known;
    const made = this.#make(Buffer.from(bytes.subarray(from, to)).toString('latin1'));
    this.#cache.set(bytes, from, to, made);
    return made;
  }

  #make(text: string): Address {
    const ipv4 = ipv4Of(text);
    if (ipv4 >= 0) return this.#ofIpv4(text, ipv4);
    if (isIP(text) === 0) return looksLikeAddress(text) ? FLAWED_ADDRESS : NO_ADDRESS;
    const address = ipaddr.process(text);
    // IPv4 written as IPv6.
    if (address.kind() === 'ipv4') return this.#make(address.toString());
    const place = this.#geography.placeOf(address);
    const network = networkCode(address);
    const networkId = networkIdOf(address);
    const trusted = this.#isTrusted(address);
    return new Address('address', address.toString(), place, network, networkId, trusted);
  }

  #ofIpv4(text: string, ipv4: number): Address {
    const place =
      this.#geography.placeOfIpv4?.(ipv4) ?? this.#geography.placeOf(ipaddr.parse(text));
    const network = ipv4NetworkCode(ipv4);
    const trusted = this.#trusted.length > 0 && this.#isTrusted(ipaddr.parse(text));
    return new Address('address', text, place, network, ipv4NetworkId(text), trusted);
  }

  #isTrusted(address: IpAddress): boolean {
    return this.#trusted.some((range) => isWithin(address, range));
  }
}

/** Digits and dots, or two colons, that do not make an address: a masked or mangled one, not a name. */
function looksLikeAddress(text: string): boolean {
  return (
    /^\d+(\.\d*){2,}$/.test(text) || /^[0-9a-fA-F.]*:[0-9a-fA-F.:]*:[0-9a-fA-F.:]*$/.test(text)
  );
}

/** Hash of /24 or /64; stands in saved state. */
export function networkCode(address: IpAddress): number {
  const bytes = address.toByteArray();
  const v4 = address.kind() === 'ipv4';
  const prefix = Uint8Array.from([v4 ? 4 : 6, ...bytes.slice(0, v4 ? 3 : 8)]);
  return hash32(prefix, 0, prefix.length) || 1;
}

function networkIdOf(address: IpAddress): string {
  const v4 = address.kind() === 'ipv4';
  const bytes = address.toByteArray().fill(0, v4 ? 3 : 8);
  return `${ipaddr.fromByteArray(bytes).toString()}/${v4 ? 24 : 64}`;
}

function proxyRange(text: string): Range {
  const range = parseRange(text);
  if (range !== undefined) return range;
  throw new KeyhoundError('usage', `trustedProxies: "${text}" is no address and no CIDR range`, {
    hint: 'E.g. 10.0.0.0/8 or 2001:db8::1',
  });
}
