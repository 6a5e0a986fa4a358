/** Key profiles: who uses a key, from where, with what, for what. */
import {
  type Address,
  type Consumer,
  KEY_CLASSES,
  type KeyClass,
  type KeyProfile,
  type ResourceHabit,
  type Rhythm,
  type RouteProfile,
  type TrafficOptions,
} from './contract.ts';
import { addressIn, CITIES, type City, COUNTRIES, citiesIn } from './places.ts';
import { createRandom, type Random } from './random.ts';
import { consumerName, drawAgent, drawPurpose, PLANS, ROUTES } from './vocabulary.ts';

const CLASS_MIX: Readonly<Record<KeyClass, number>> = {
  steady: 0.3,
  noisy: 0.3,
  bursty: 0.15,
  cron: 0.1,
  office: 0.15,
};
export const RATES = { min: 0.0005, max: 0.02 } as const;
const KEYS_PER_CONSUMER_MEAN = 3;

/** Where customers sit: large markets first, everywhere else evenly. */
const HOME_WEIGHTS: Readonly<Record<string, number>> = {
  US: 24,
  DE: 10,
  GB: 8,
  FR: 7,
  IN: 8,
  BR: 5,
  JP: 5,
};
const COUNTRY_WEIGHTS = COUNTRIES.map((country) => HOME_WEIGHTS[country] ?? 0.8);
const DATA_CENTRES = ['Ashburn', 'Frankfurt am Main', 'Dublin', 'Singapore', 'São Paulo'];
const PLAN_WEIGHTS = [0.3, 0.35, 0.25, 0.1];
/** Share of failed requests: most keys are well behaved, some are not. */
const ERROR_SHARES = [0.002, 0.02, 0.1];
const ERROR_WEIGHTS = [0.6, 0.3, 0.1];

export function createKeys(options: TrafficOptions): KeyProfile[] {
  const random = createRandom(options.seed, 0x6b657973);
  const mix = KEY_CLASSES.map((name) => (options.classMix ?? CLASS_MIX)[name] ?? 0);
  const keys: KeyProfile[] = [];
  let consumers = 0;
  while (keys.length < options.keys) {
    const consumer = createConsumer(consumers++, random);
    const country = drawCountry(random);
    const mean = options.keysPerConsumer ?? KEYS_PER_CONSUMER_MEAN;
    const drawn = 1 + Math.floor(random.exponential() * (mean - 0.5));
    const count = (consumers === 1 ? options.firstConsumerKeys : undefined) ?? drawn;
    for (let i = 0; i < count && keys.length < options.keys; i++) {
      const own = createRandom(options.seed, 0x6b657920, keys.length);
      keys.push(createKey(keys.length, consumer, country, mix, options, own));
    }
  }
  return keys;
}

function createConsumer(index: number, random: Random): Consumer {
  return Object.freeze({
    id: uuid(random),
    name: consumerName(index),
    customId: `cust-${1000 + index}`,
    plan: PLANS[random.weighted(PLAN_WEIGHTS)]!,
  });
}

function drawCountry(random: Random): string {
  return COUNTRIES[random.weighted(COUNTRY_WEIGHTS)]!;
}

function createKey(
  index: number,
  consumer: Consumer,
  country: string,
  mix: readonly number[],
  options: TrafficOptions,
  random: Random,
): KeyProfile {
  const override = options.overrides?.[index];
  const rates = options.rates ?? RATES;
  const drawnClass = KEY_CLASSES[random.weighted(mix)]!;
  const drawnRate = rates.min * (rates.max / rates.min) ** random.unit();
  const kind = override?.class ?? drawnClass;
  const home = drawHome(kind, country, random);
  const addresses = drawAddresses(home, random);
  const routes = drawRoutes(random);
  const drawn = {
    index,
    label: `${consumer.name}-${drawPurpose(random)}-${index + 1}`,
    class: kind,
    rate: drawnRate,
    consumer,
    credentialId: uuid(random),
    accessKeyId: `AKIA${text(16, BASE32, random)}`,
    apiKeyId: text(10, BASE36, random),
    rawKey: `demo_${text(32, BASE62, random)}`,
    home,
    addresses,
    addressShares: falling(addresses.length, random),
    agent: drawAgent(random),
    routes,
    routeShares: falling(routes.length, random),
    errorShare: ERROR_SHARES[random.weighted(ERROR_WEIGHTS)]!,
    latencyFactor: random.between(0.8, 1.3),
    rhythm: drawRhythm(kind, random),
    resources: drawResources(random),
  };
  return Object.freeze({
    ...drawn,
    rate: override?.rate ?? drawn.rate,
    errorShare: override?.errorShare ?? drawn.errorShare,
    origin: drawn.agent.family === 'browser' ? `https://${consumer.name}.example` : '',
  });
}

/** A key that nobody was ever given, as guessers send them; the same words give the same key. */
export function madeUpKey(like: KeyProfile, word0: number, word1: number): KeyProfile {
  const random = createRandom(word0, word1, 0x6d616465);
  return Object.freeze({
    ...like,
    label: '',
    credentialId: '',
    accessKeyId: `AKIA${text(16, BASE32, random)}`,
    apiKeyId: text(10, BASE36, random),
    rawKey: `demo_${text(32, BASE62, random)}`,
  });
}

/** Offices are where people are; of the rest some run in a data centre abroad. */
function drawHome(kind: KeyClass, country: string, random: Random): City {
  if (kind !== 'office' && random.chance(0.15)) {
    const name = random.pick(DATA_CENTRES);
    return CITIES.find((city) => city.name === name)!;
  }
  return random.pick(citiesIn(country));
}

/** One to four hosts; a few keys have a second site in another city of the country from the start. */
function drawAddresses(home: City, random: Random): Address[] {
  const count = 1 + random.weighted([0.4, 0.3, 0.2, 0.1]);
  const addresses: Address[] = [];
  for (let i = 0; i < count; i++) addresses.push(hostIn(home, random));
  const others = citiesIn(home.country).filter((city) => city !== home);
  if (others.length > 0 && random.chance(0.06)) addresses.push(hostIn(random.pick(others), random));
  return addresses;
}

export function hostIn(city: City, random: Random): Address {
  return Object.freeze({ text: addressIn(city, random), city });
}

function drawRoutes(random: Random): RouteProfile[] {
  const count = 3 + random.below(10);
  const routes = new Set<RouteProfile>();
  while (routes.size < count) routes.add(random.pick(ROUTES));
  return [...routes];
}

function drawRhythm(kind: KeyClass, random: Random): Rhythm {
  return Object.freeze({
    amplitude: random.between(0.6, 1.4),
    peakHour: 14 + 1.5 * random.normal(),
    weekend: random.between(0.2, 0.8),
    cronMinute: kind === 'cron' && random.chance(0.6) ? 0 : random.below(59),
    salt: random.word(),
  });
}

/** Most keys come back to what they know; of some nearly every request is about something new, in order. */
function drawResources(random: Random): ResourceHabit {
  return Object.freeze({
    count: Math.round(20 * 150 ** random.unit()),
    freshShare: random.chance(0.05) ? 0.9 : random.between(0, 0.5),
  });
}

/** Cumulative shares that fall by a random ratio; the last is 1. */
function falling(count: number, random: Random): Float64Array {
  const shares = new Float64Array(count);
  let weight = 1;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += weight;
    shares[i] = sum;
    weight *= random.between(0.45, 0.9);
  }
  for (let i = 0; i < count; i++) shares[i] = shares[i]! / sum;
  shares[count - 1] = 1;
  return shares;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz';
const BASE62 = `${BASE36}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

function text(length: number, alphabet: string, random: Random): string {
  let out = '';
  for (let i = 0; i < length; i++) out += alphabet[random.below(alphabet.length)];
  return out;
}

/** Version 4, variant 1. */
function uuid(random: Random): string {
  const hex = () => random.word().toString(16).padStart(8, '0');
  const a = hex() + hex();
  const b = hex() + hex();
  const variant = '89ab'[random.below(4)];
  return `${a.slice(0, 8)}-${a.slice(8, 12)}-4${a.slice(13)}-${variant}${b.slice(1, 4)}-${b.slice(4)}`;
}
