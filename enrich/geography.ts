/**
 * Address → place, out of the bundled GeoLite data (geoip-lite) or the operator's own .mmdb files.
 *
 * geoip-lite is loaded on first use: 0.13–0.27 s and 112 MB. When it cannot be told how old the data is,
 * the age is absent: npm gives every file of a package the same date, so a file's date proves nothing
 * unless the data was fetched again after the installation.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type ipaddr from 'ipaddr.js';
import { type AsnResponse, type CityResponse, Reader } from 'maxmind';
import { KeyhoundError } from '../core/errors.ts';
import { type Place, UNKNOWN_PLACE } from '../core/event.ts';
import { kindOfIpv4 } from './ipv4.ts';
import { Places, PRIVATE_PLACE } from './place.ts';

export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6;

/** What `doctor` says about the data. */
export interface GeographyInfo {
  readonly source: 'geoip-lite' | 'mmdb';
  /** Recorded with every finding that used places. */
  readonly version: string;
  /** When the data was made, at the latest (epoch ms); absent when that cannot be known. */
  readonly builtAt?: number;
  /** Whole days since then; absent when that cannot be known. */
  readonly ageDays?: number;
}

export interface Geography {
  readonly version: string;
  /** Cold: a look-up costs 1–3 µs and allocates; callers cache by address. */
  placeOf(address: IpAddress): Place;
  /** The same for IPv4 as a number, where that is cheaper. */
  placeOfIpv4?(address: number): Place;
  info(now: number): GeographyInfo;
}

export interface GeographyOptions {
  /** Paths of .mmdb files. */
  readonly city?: string | undefined;
  readonly asn?: string | undefined;
}

/** Data files of geoip-lite that the registry dates: their checksum → day of that release. */
const RELEASED: Readonly<Record<string, string>> = {
  '738794f02b34c28847582790e570b533': '2026-07-08',
};
const DAY_MS = 86_400_000;

interface Locator {
  readonly name: string;
  readonly source: GeographyInfo['source'];
  readonly builtAt: number | undefined;
  /** IPv4 also as a number where `takesNumbers`. */
  locate(address: string | number, asn: number): Place;
  readonly takesNumbers: boolean;
}

/** Throws `usage` when a given .mmdb file is not readable as one. */
export function openGeography(options: GeographyOptions = {}): Geography {
  const places = new Places();
  const asns = options.asn === undefined ? undefined : openMmdb<AsnResponse>(options.asn);
  const city = options.city === undefined ? bundled(places) : ownCities(options.city, places);
  const version = asns === undefined ? city.name : `${city.name}, ${asns.name}`;
  const placeOfIpv4 = (address: number): Place => {
    const kind = kindOfIpv4(address);
    return kind === 'public' ? city.locate(address, 0) : elsewhere(kind);
  };
  return {
    version,
    ...(city.takesNumbers && asns === undefined && { placeOfIpv4 }),
    placeOf(address) {
      const kind = kindOf(address);
      if (kind !== 'public') return elsewhere(kind);
      const text = address.toString();
      return city.locate(text, asns?.find(text)?.autonomous_system_number ?? 0);
    },
    info(now) {
      const { source, builtAt } = city;
      if (builtAt === undefined) return { source, version };
      const ageDays = Math.max(0, Math.floor((now - builtAt) / DAY_MS));
      return { source, version, builtAt, ageDays };
    },
  };
}

/** Version of what `openGeography` would open, without reading all of it. */
export function geographyVersion(options: GeographyOptions = {}): string {
  if (options.city !== undefined || options.asn !== undefined)
    return openGeography(options).version;
  return bundledName(bundledFolder());
}

function elsewhere(kind: Place['kind']): Place {
  return kind === 'private' ? PRIVATE_PLACE : UNKNOWN_PLACE;
}

const PRIVATE_RANGES: ReadonlySet<string> = new Set([
  'private',
  'loopback',
  'linkLocal',
  'carrierGradeNat',
  'uniqueLocal',
]);
const NOWHERE_RANGES: ReadonlySet<string> = new Set(['unspecified', 'broadcast', 'multicast']);

/** Documentation and benchmark ranges count as private; 240.0.0.0/4 and the like are nowhere. */
function kindOf(address: IpAddress): Place['kind'] {
  const range: string = address.range();
  if (PRIVATE_RANGES.has(range)) return 'private';
  if (NOWHERE_RANGES.has(range)) return 'unknown';
  if (range !== 'reserved') return 'public';
  const future = address.kind() === 'ipv4' && address.toByteArray()[0]! >= 240;
  return future ? 'unknown' : 'private';
}

function bundledFolder(): string {
  const require = createRequire(import.meta.url);
  return path.resolve(
    path.dirname(require.resolve('geoip-lite')),
    process.env['GEODATADIR'] ?? '../data/',
  );
}

function bundledName(folder: string): string {
  const require = createRequire(import.meta.url);
  const { version } = require('geoip-lite/package.json') as { version: string };
  return `geoip-lite ${version} (city ${cityChecksum(folder).slice(0, 8)})`;
}

function bundled(places: Places): Locator {
  const require = createRequire(import.meta.url);
  const geoip = require('geoip-lite') as typeof import('geoip-lite');
  const folder = bundledFolder();
  const checksum = cityChecksum(folder);
  const known = new NetworkMemo();
  const locate = (address: string | number, asn: number): Place => {
    const found = geoip.lookup(address);
    if (found === null) return asn === 0 ? UNKNOWN_PLACE : places.place({ ...NOTHING, asn });
    const place = places.place({
      country: found.country,
      region: found.region,
      city: found.city,
      latitude: found.ll[0],
      longitude: found.ll[1],
      radiusKm: found.area ?? null,
      timeZone: found.timezone ?? '',
      asn,
    });
    if (typeof address === 'number') known.add(address, place, found.range);
    return place;
  };
  return {
    name: bundledName(folder),
    source: 'geoip-lite',
    takesNumbers: true,
    builtAt: builtAtOf(checksum, folder, require.resolve('geoip-lite/package.json')),
    locate: (address, asn) =>
      (typeof address === 'number' ? known.get(address) : undefined) ?? locate(address, asn),
  };
}

/**
 * Places of /24s that lie in one range of the data, the last ones met: a look-up makes five strings. An address is
 * looked up twice before it is remembered (Addresses), and its neighbours are often met as well.
 */
class NetworkMemo {
  readonly #networks = new Int32Array(MEMO_SLOTS).fill(-1);
  readonly #places = new Array<Place>(MEMO_SLOTS).fill(UNKNOWN_PLACE);

  get(address: number): Place | undefined {
    const network = address >>> 8;
    const slot = slotOf(network);
    return this.#networks[slot] === network ? this.#places[slot] : undefined;
  }

  add(address: number, place: Place, [first, last]: readonly [number, number]): void {
    const network = address >>> 8;
    if (first >>> 8 === network && (first & 0xff) !== 0) return;
    if (last >>> 8 === network && (last & 0xff) !== 0xff) return;
    const slot = slotOf(network);
    this.#networks[slot] = network;
    this.#places[slot] = place;
  }
}

const MEMO_BITS = 15;
const MEMO_SLOTS = 1 << MEMO_BITS;

function slotOf(network: number): number {
  return Math.imul(network, 0x9e3779b1) >>> (32 - MEMO_BITS);
}

const NOTHING = {
  country: '',
  region: '',
  city: '',
  latitude: null,
  longitude: null,
  radiusKm: null,
  timeZone: '',
} as const;

/** The checksum that the package ships with its data; where it was lost, a hash of the city names. */
function cityChecksum(folder: string): string {
  try {
    const text = fs.readFileSync(path.join(folder, 'city.checksum'), 'utf8').trim();
    if (/^[0-9a-f]{32}$/.test(text)) return text;
  } catch {
    // Falls through: data copied without its checksum is dated by nothing, but still told apart.
  }
  const names = fs.readFileSync(path.join(folder, 'geoip-city-names.dat'));
  return createHash('sha256').update(names).digest('hex').slice(0, 32);
}

/** A known release, else the day the data was fetched if that was clearly after the installation. */
function builtAtOf(checksum: string, folder: string, packageFile: string): number | undefined {
  const released = RELEASED[checksum];
  if (released !== undefined) return Date.parse(released);
  const dataAt = fs.statSync(path.join(folder, 'geoip-city.dat')).mtimeMs;
  const installedAt = fs.statSync(packageFile).mtimeMs;
  return dataAt > installedAt + DAY_MS ? dataAt : undefined;
}

function ownCities(file: string, places: Places): Locator {
  const { find, name, builtAt } = openMmdb<CityResponse>(file);
  return {
    name,
    source: 'mmdb',
    takesNumbers: false,
    builtAt,
    locate(address, asn) {
      const found = find(String(address));
      if (found === null) return asn === 0 ? UNKNOWN_PLACE : places.place({ ...NOTHING, asn });
      return places.place({
        country: (found.country ?? found.registered_country)?.iso_code ?? '',
        region: found.subdivisions?.[0]?.iso_code ?? '',
        city: found.city?.names?.en ?? '',
        latitude: found.location?.latitude ?? null,
        longitude: found.location?.longitude ?? null,
        radiusKm: found.location?.accuracy_radius ?? null,
        timeZone: found.location?.time_zone ?? '',
        asn,
      });
    },
  };
}

interface Mmdb<T extends CityResponse | AsnResponse> {
  find(address: string): T | null;
  readonly name: string;
  readonly builtAt: number;
}

function openMmdb<T extends CityResponse | AsnResponse>(file: string): Mmdb<T> {
  try {
    const reader = new Reader<T>(fs.readFileSync(file));
    const { databaseType, buildEpoch, ipVersion } = reader.metadata;
    return {
      // The reader looks IPv6 addresses up in a file of IPv4 too, by their first 32 bits: a place of somebody else.
      find: (address) => (ipVersion === 4 && address.includes(':') ? null : reader.get(address)),
      name: `${databaseType} ${buildEpoch.toISOString().slice(0, 10)}`,
      builtAt: buildEpoch.getTime(),
    };
  } catch (cause) {
    throw new KeyhoundError('usage', `geography: ${file} cannot be read as an .mmdb file`, {
      cause,
      hint: 'GeoLite2-City.mmdb, GeoIP2-City.mmdb or a file of the same schema.',
    });
  }
}
