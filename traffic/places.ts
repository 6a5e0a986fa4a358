/**
 * Cities with real, announced address ranges, so that made traffic has real geography.
 *
 * A test looks addresses of every range up in geoip-lite: country and region must agree, and the place be
 * within 60 km. When the data moves a range, that test names it and the row is replaced.
 */
import type { Random } from './random.ts';

export interface City {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** ISO 3166-2 subdivision without the country, '' where the data has none. */
  readonly region: string;
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
  /** IANA zone. */
  readonly zone: string;
  /** CIDR: IPv4 /16 to /20, IPv6 /48. */
  readonly ranges: readonly string[];
}

type Row = readonly [string, string, string, number, number, string, string];

const ROWS: readonly Row[] = [
  ['US', 'WA', 'Seattle', 47.66, -122.3, 'America/Los_Angeles', '140.142.0.0/17 173.250.128.0/17'],
  [
    'US',
    'CA',
    'San Francisco',
    37.76,
    -122.46,
    'America/Los_Angeles',
    '64.54.0.0/16 128.218.0.0/16',
  ],
  [
    'US',
    'CA',
    'Los Angeles',
    34.08,
    -118.18,
    'America/Los_Angeles',
    '130.182.0.0/16 157.242.0.0/16',
  ],
  ['US', 'TX', 'Dallas', 32.77, -96.78, 'America/Chicago', '104.150.0.0/16 129.119.0.0/16'],
  ['US', 'IL', 'Chicago', 41.88, -87.69, 'America/Chicago', '128.248.0.0/16 131.193.0.0/16'],
  ['US', 'NY', 'New York', 40.77, -73.98, 'America/New_York', '128.59.0.0/16 128.122.0.0/16'],
  ['US', 'VA', 'Ashburn', 39.02, -77.54, 'America/New_York', '70.106.192.0/18 216.40.64.0/19'],
  ['US', 'FL', 'Miami', 25.77, -80.19, 'America/New_York', '131.94.0.0/16 136.28.0.0/18'],
  ['US', 'GA', 'Atlanta', 33.77, -84.4, 'America/New_York', '128.61.0.0/16 143.215.0.0/16'],
  ['US', 'CO', 'Denver', 39.74, -104.99, 'America/Denver', '130.253.0.0/16 132.194.0.0/16'],
  ['US', 'AZ', 'Phoenix', 33.51, -112.12, 'America/Phoenix', '137.152.0.0/16 68.230.0.0/19'],
  ['US', 'MA', 'Boston', 42.35, -71.1, 'America/New_York', '128.197.0.0/16 155.41.0.0/16'],
  ['CA', 'ON', 'Toronto', 43.66, -79.4, 'America/Toronto', '128.100.0.0/16 141.117.0.0/16'],
  ['CA', 'BC', 'Vancouver', 49.46, -122.82, 'America/Vancouver', '137.82.0.0/16 142.103.0.0/16'],
  [
    'MX',
    'CMX',
    'Mexico City',
    19.38,
    -99.17,
    'America/Mexico_City',
    '187.207.0.0/18 189.239.128.0/18',
  ],
  [
    'MX',
    'NLE',
    'Monterrey',
    25.66,
    -100.33,
    'America/Monterrey',
    '187.162.224.0/19 189.153.64.0/18',
  ],
  ['DE', 'BE', 'Berlin', 52.52, 13.4, 'Europe/Berlin', '130.133.0.0/16 141.20.0.0/16 2003:c0::/48'],
  ['DE', 'BY', 'Munich', 48.15, 11.58, 'Europe/Berlin', '131.159.0.0/16 137.193.0.0/16'],
  ['DE', 'HH', 'Hamburg', 53.58, 10.02, 'Europe/Berlin', '134.28.0.0/16 212.72.160.0/19'],
  ['DE', 'HE', 'Frankfurt am Main', 50.12, 8.68, 'Europe/Berlin', '141.2.0.0/16 46.101.128.0/17'],
  ['DE', 'NW', 'Cologne', 50.93, 6.95, 'Europe/Berlin', '134.95.0.0/16 78.34.0.0/19'],
  [
    'FR',
    'IDF',
    'Paris',
    48.85,
    2.35,
    'Europe/Paris',
    '151.115.0.0/16 31.34.64.0/18 2a01:cb00::/48',
  ],
  ['FR', 'PAC', 'Marseille', 43.3, 5.39, 'Europe/Paris', '85.171.32.0/19 176.158.64.0/19'],
  ['FR', 'OCC', 'Toulouse', 43.6, 1.45, 'Europe/Paris', '176.158.0.0/19 31.33.32.0/19'],
  ['FR', 'ARA', 'Lyon', 45.75, 4.85, 'Europe/Paris', '87.89.128.0/18 5.51.96.0/19'],
  ['FR', 'GES', 'Strasbourg', 48.58, 7.75, 'Europe/Paris', '90.126.32.0/19 62.75.128.0/19'],
  ['GB', 'ENG', 'London', 51.52, -0.09, 'Europe/London', '128.16.0.0/16 134.83.0.0/16'],
  ['GB', 'ENG', 'Manchester', 53.47, -2.13, 'Europe/London', '130.88.0.0/16 149.170.0.0/16'],
  ['GB', 'SCT', 'Glasgow', 55.83, -4.26, 'Europe/London', '130.209.0.0/16 193.62.224.0/19'],
  ['GB', 'NIR', 'Belfast', 54.58, -5.93, 'Europe/London', '143.117.0.0/16 81.103.160.0/20'],
  [
    'IN',
    'MH',
    'Mumbai',
    18.99,
    72.83,
    'Asia/Kolkata',
    '42.109.0.0/18 171.51.192.0/18 2405:201::/48',
  ],
  ['IN', 'DL', 'New Delhi', 28.6, 77.2, 'Asia/Kolkata', '59.180.160.0/19 120.56.160.0/19'],
  ['IN', 'KA', 'Bengaluru', 12.97, 77.59, 'Asia/Kolkata', '223.226.64.0/18 106.197.192.0/18'],
  ['IN', 'WB', 'Kolkata', 22.56, 88.36, 'Asia/Kolkata', '157.35.64.0/18 223.191.0.0/18'],
  ['BR', 'SP', 'São Paulo', -23.63, -46.63, 'America/Sao_Paulo', '189.100.0.0/16 179.209.0.0/17'],
  [
    'BR',
    'RJ',
    'Rio de Janeiro',
    -22.92,
    -43.33,
    'America/Sao_Paulo',
    '177.192.0.0/16 179.210.128.0/17',
  ],
  ['BR', 'PE', 'Recife', -8.01, -34.95, 'America/Recife', '186.223.128.0/19 179.235.192.0/19'],
  ['BR', 'AM', 'Manaus', -3.11, -60.03, 'America/Manaus', '179.222.0.0/18 186.254.32.0/19'],
  ['JP', '13', 'Tokyo', 35.69, 139.75, 'Asia/Tokyo', '153.174.0.0/18 59.168.0.0/19 2400:4050::/48'],
  ['JP', '27', 'Osaka', 34.69, 135.48, 'Asia/Tokyo', '111.105.0.0/18 119.26.128.0/18'],
  ['JP', '01', 'Sapporo', 43.1, 141.35, 'Asia/Tokyo', '125.52.112.0/20 126.3.192.0/20'],
  ['JP', '40', 'Fukuoka', 33.58, 130.42, 'Asia/Tokyo', '59.170.160.0/19 27.81.96.0/19'],
  ['JP', '47', 'Naha', 26.21, 127.71, 'Asia/Tokyo', '126.110.160.0/20 222.14.32.0/19'],
  ['ES', 'MD', 'Madrid', 40.41, -3.7, 'Europe/Madrid', '2.153.64.0/19 81.61.192.0/19'],
  ['ES', 'CT', 'Barcelona', 41.39, 2.16, 'Europe/Madrid', '2.152.96.0/19 2.152.192.0/19'],
  ['PT', '11', 'Lisbon', 38.72, -9.13, 'Europe/Lisbon', '109.49.128.0/18 79.168.0.0/20'],
  ['IT', '25', 'Milan', 45.47, 9.19, 'Europe/Rome', '151.20.0.0/18 93.55.224.0/19'],
  ['IT', '62', 'Rome', 41.89, 12.51, 'Europe/Rome', '78.13.192.0/19 95.224.64.0/19'],
  ['NL', 'NH', 'Amsterdam', 52.35, 4.92, 'Europe/Amsterdam', '145.18.0.0/16 146.50.0.0/16'],
  ['BE', 'BRU', 'Brussels', 50.83, 4.33, 'Europe/Brussels', '134.184.0.0/16 164.15.0.0/16'],
  ['CH', 'ZH', 'Zurich', 47.37, 8.55, 'Europe/Zurich', '129.132.0.0/16 130.60.0.0/16'],
  [
    'AT',
    '9',
    'Vienna',
    48.2,
    16.37,
    'Europe/Vienna',
    '131.130.0.0/16 137.208.0.0/16 2001:4bb8::/48',
  ],
  ['PL', 'MZ', 'Warsaw', 52.25, 21, 'Europe/Warsaw', '193.0.64.0/18 213.135.32.0/19'],
  ['CZ', '10', 'Prague', 50.08, 14.51, 'Europe/Prague', '146.102.0.0/16 195.113.0.0/18'],
  ['SE', 'AB', 'Stockholm', 59.33, 18.07, 'Europe/Stockholm', '80.216.0.0/19 80.216.64.0/19'],
  ['NO', '03', 'Oslo', 59.85, 10.77, 'Europe/Oslo', '84.209.0.0/18 193.157.128.0/17'],
  ['FI', '18', 'Helsinki', 60.2, 25.13, 'Europe/Helsinki', '82.181.64.0/18 137.163.128.0/17'],
  ['IE', 'L', 'Dublin', 53.33, -6.25, 'Europe/Dublin', '134.226.0.0/16 136.206.0.0/16'],
  ['RO', 'B', 'Bucharest', 44.44, 26.1, 'Europe/Bucharest', '141.85.0.0/16 78.97.128.0/19'],
  ['UA', '30', 'Kyiv', 50.43, 30.52, 'Europe/Kyiv', '109.86.64.0/19 176.38.128.0/19'],
  ['GR', 'I', 'Athens', 37.98, 23.74, 'Europe/Athens', '147.102.0.0/16 88.197.0.0/17'],
  ['HU', 'BU', 'Budapest', 47.5, 19.08, 'Europe/Budapest', '157.181.0.0/16 89.134.192.0/19'],
  ['TR', '34', 'Istanbul', 41.03, 28.97, 'Europe/Istanbul', '78.171.192.0/18 85.96.0.0/18'],
  ['RU', 'MOW', 'Moscow', 55.75, 37.62, 'Europe/Moscow', '46.242.0.0/17 5.228.128.0/18'],
  ['RU', 'NVS', 'Novosibirsk', 55.04, 82.94, 'Asia/Novosibirsk', '5.128.96.0/19 5.129.96.0/19'],
  ['IL', 'TA', 'Tel Aviv', 32.07, 34.76, 'Asia/Jerusalem', '132.66.0.0/16 176.229.192.0/20'],
  ['AE', 'DU', 'Dubai', 25.26, 55.31, 'Asia/Dubai', '92.98.0.0/18 2.49.64.0/18'],
  ['EG', 'C', 'Cairo', 30.08, 31.29, 'Africa/Cairo', '45.244.128.0/18 197.46.0.0/17'],
  ['NG', 'LA', 'Lagos', 6.45, 3.39, 'Africa/Lagos', '213.255.128.0/19 41.184.160.0/20'],
  ['KE', '30', 'Nairobi', -1.28, 36.82, 'Africa/Nairobi', '41.80.0.0/19 197.136.64.0/18'],
  [
    'ZA',
    'GT',
    'Johannesburg',
    -26.23,
    28.06,
    'Africa/Johannesburg',
    '152.106.0.0/16 45.200.0.0/16',
  ],
  ['ZA', 'WC', 'Cape Town', -33.93, 18.43, 'Africa/Johannesburg', '137.158.0.0/16 196.42.64.0/18'],
  ['PK', 'SD', 'Karachi', 24.9, 67.08, 'Asia/Karachi', '39.50.128.0/19 39.51.96.0/19'],
  ['BD', 'C', 'Dhaka', 23.73, 90.41, 'Asia/Dhaka', '180.211.128.0/20 210.4.64.0/20'],
  ['TH', '10', 'Bangkok', 13.71, 100.46, 'Asia/Bangkok', '58.11.160.0/19 61.91.160.0/19'],
  ['VN', 'HN', 'Hanoi', 21.03, 105.85, 'Asia/Ho_Chi_Minh', '171.241.0.0/18 1.55.224.0/19'],
  ['ID', 'JK', 'Jakarta', -6.17, 106.83, 'Asia/Jakarta', '36.71.208.0/20 36.78.160.0/20'],
  [
    'MY',
    '14',
    'Kuala Lumpur',
    3.17,
    101.67,
    'Asia/Kuala_Lumpur',
    '202.187.128.0/19 210.195.96.0/20',
  ],
  ['SG', '', 'Singapore', 1.36, 103.83, 'Asia/Singapore', '116.86.0.0/16 42.60.0.0/16'],
  ['PH', '00', 'Manila', 14.57, 120.98, 'Asia/Manila', '119.92.0.0/19 119.94.128.0/20'],
  ['CN', 'BJ', 'Beijing', 39.93, 116.39, 'Asia/Shanghai', '36.110.0.0/16 61.135.0.0/16'],
  ['CN', 'SH', 'Shanghai', 31.04, 121.4, 'Asia/Shanghai', '117.186.0.0/16 116.232.0.0/16'],
  ['KR', '11', 'Seoul', 37.6, 126.98, 'Asia/Seoul', '147.46.0.0/16 147.47.128.0/17'],
  [
    'TW',
    'TPE',
    'Taipei',
    25.05,
    121.53,
    'Asia/Taipei',
    '120.96.0.0/16 120.126.0.0/16 2001:b011::/48',
  ],
  ['AU', 'NSW', 'Sydney', -33.86, 151.2, 'Australia/Sydney', '119.9.0.0/19 124.149.160.0/19'],
  ['AU', 'WA', 'Perth', -31.97, 115.86, 'Australia/Perth', '101.118.0.0/18 180.216.64.0/18'],
  ['NZ', 'AUK', 'Auckland', -36.85, 174.77, 'Pacific/Auckland', '118.92.0.0/19 49.224.224.0/19'],
  [
    'AR',
    'C',
    'Buenos Aires',
    -34.6,
    -58.38,
    'America/Argentina/Buenos_Aires',
    '181.23.192.0/19 190.194.192.0/19',
  ],
  ['CL', 'RM', 'Santiago', -33.45, -70.67, 'America/Santiago', '146.83.0.0/16 190.82.128.0/18'],
  ['CO', 'DC', 'Bogotá', 4.65, -74.06, 'America/Bogota', '157.253.0.0/16 186.84.128.0/19'],
  ['PE', 'LMA', 'Lima', -12.05, -77.04, 'America/Lima', '190.117.224.0/19 201.230.96.0/19'],
];

export const CITIES: readonly City[] = Object.freeze(
  ROWS.map(([country, region, name, latitude, longitude, zone, ranges]) =>
    Object.freeze({
      country,
      region,
      name,
      latitude,
      longitude,
      zone,
      ranges: Object.freeze(ranges.split(' ')),
    }),
  ),
);

export const COUNTRIES: readonly string[] = Object.freeze([
  ...new Set(CITIES.map((c) => c.country)),
]);

export function citiesIn(country: string): readonly City[] {
  return CITIES.filter((city) => city.country === country);
}

/** Great-circle distance. */
export function kmBetween(a: City, b: City): number {
  const rad = Math.PI / 180;
  const half =
    Math.sin(((b.latitude - a.latitude) * rad) / 2) ** 2 +
    Math.cos(a.latitude * rad) *
      Math.cos(b.latitude * rad) *
      Math.sin(((b.longitude - a.longitude) * rad) / 2) ** 2;
  return 12_742 * Math.asin(Math.sqrt(half));
}

/** Hosts of one network of the city, a /24 or a /64, and its name. Throws RangeError without such a range. */
export function networkIn(
  city: City,
  version: 4 | 6,
  hosts: number,
  random: Random,
): { readonly name: string; readonly hosts: readonly string[] } {
  const range = city.ranges.find((text) => text.includes(':') === (version === 6));
  if (range === undefined) throw new RangeError(`${city.name} has no range of IPv${version}`);
  const first = version === 6 ? hostOfSix(range, random) : hostOfFour(range, random);
  const prefix = first.split(version === 6 ? ':' : '.').slice(0, version === 6 ? 4 : 3);
  const host = () =>
    version === 6
      ? [...prefix, ...interfaceId(random)].join(':')
      : [...prefix, 1 + random.below(254)].join('.');
  return {
    name: version === 6 ? `${prefix.join(':')}::/64` : `${prefix.join('.')}.0/24`,
    hosts: Array.from({ length: hosts }, host),
  };
}

/** A host address of one of the city's ranges; every eighth from IPv6 where the city has such a range. */
export function addressIn(city: City, random: Random): string {
  const six = city.ranges.filter((range) => range.includes(':'));
  const four = city.ranges.filter((range) => !range.includes(':'));
  if (six.length > 0 && (four.length === 0 || random.chance(0.125)))
    return hostOfSix(random.pick(six), random);
  return hostOfFour(random.pick(four), random);
}

function hostOfFour(range: string, random: Random): string {
  const [base, bits] = range.split('/');
  const [a, b, c] = base!.split('.').map(Number);
  const thirds = 2 ** (24 - Number(bits));
  return `${a}.${b}.${c! + random.below(thirds)}.${1 + random.below(254)}`;
}

/** A /48 as PREFIX::/48 with at most three groups: 16 bits of subnet, then an interface id. */
function hostOfSix(range: string, random: Random): string {
  const groups = range.slice(0, range.indexOf('::')).split(':');
  while (groups.length < 3) groups.push('0');
  groups.push(random.below(0x10000).toString(16));
  return [...groups, ...interfaceId(random)].join(':');
}

function interfaceId(random: Random): string[] {
  return Array.from({ length: 4 }, () => (1 + random.below(0xffff)).toString(16));
}
