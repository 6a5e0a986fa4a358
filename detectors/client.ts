/**
 * Catches a key used by a client family that is new for it, a server's key used from a browser, and a key used
 * by an attack tool that says so.
 *
 * Idea: how rarely this key meets a new family (Good–Turing over active hours) plus how much comes from such:
 * s = −log10 ν + G(n; n̄, 2), n = requests of new families in about ten minutes. Algorithms.md §9, New place,
 * client. Browser use of a key without any history of it scores 4, unless the registry calls the key public. An
 * attack tool scores 4.5 + ½ log10 n from its first request on, also when it is the first client of the key.
 * Families only: a new version of the same client never matters.
 * Fails: an agent is what the client says, and a thief who knows the key's own may copy it; a key that is tried
 * with everything; an integration that is rewritten in another language looks like a theft (5.5 at most).
 * Cost: a comparison an event of the usual family, at most six; 40 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent, ClientFamily } from '../core/event.ts';
import { negativeBinomialTail } from './baselines/tails.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, counted, plural, rounded } from './words.ts';

const FAMILIES = 6;

const LAYOUT = {
  /** Codes of known families, the ones used most in front; 0: none. */
  known: ['u16', FAMILIES],
  /** The new family on probation, and when it came, came last and in how many hours. */
  newcomer: 'u16',
  first: 'u32',
  latest: 'u32',
  hours: 'u8',
  /** Requests of all new families in about ten minutes, and how many are usual of one that proves innocent. */
  recent: 'f32',
  usual: 'f32',
  /** New families that proved innocent, half-life 2000 active hours. */
  novel: 'f32',
  /** Hours with use from a browser: how many, the first and the last (modulo 2^16). */
  browserHours: 'u8',
  browserFrom: 'u16',
  browserHour: 'u16',
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  browser: z
    .boolean()
    .default(true)
    .describe('Whether browser use of a key that is not public and has no history of it is told.'),
});
type Config = z.infer<typeof config>;

const RECENT_SECONDS = 600;
const SETTLED_SECONDS = 7 * 86_400;
/** A younger key of this age and as many events is judged too, as information. */
const EARLY_SECONDS = 86_400;
const EARLY_EVENTS = 500;
const EARLY_MAX = 4.9;
/** A family, or browser use, becomes known when it was used in as many hours over a day. */
const ADOPT_HOURS = 3;
const ADOPT_SECONDS = 86_400;
const NEW_MAX = 5.5;
const BROWSER_SCORE = 4;
const TOOL_SCORE = 4.5;
const TOOL = 'scanner';
const START_USUAL = 2;
const KEEP_HOUR = 2 ** (-1 / 2000);

export const BROWSERS: ReadonlySet<string> = new Set([
  'chrome',
  'edge',
  'firefox',
  'internet-explorer',
  'opera',
  'safari',
  'browser-other',
]);

/** What the last score was about. */
const last = { kind: 'new', novelty: 0, amount: 0, recent: 0 };

function codeOf(client: ClientFamily): number {
  return client.code >>> 16 || 1;
}

export const client = defineDetector<typeof LAYOUT, Config>({
  id: 'client',
  version: 2,
  family: 'content',
  summary: "client family new for the key; a server's key used from a browser",
  aloneMax: 5.5,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  needs: ['agent'],
  seesFailures: false,

  init(state: State): void {
    state.usual = START_USUAL;
  },

  readyAt(subject: Subject): number {
    return subject.firstAt + SETTLED_SECONDS * 1000;
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    const { client } = event;
    // Absent from the log.
    if (client.code === 0) return 0;
    const code = codeOf(client);
    if (code === state.known.get(0) && !event.fromBrowser) return 0;
    const isKnown = knows(state, code);
    let score = 0;
    if (!isKnown) {
      score = scoreNew(state, code, subject);
      last.kind = 'new';
      const asTool = client.name === TOOL ? TOOL_SCORE + 0.5 * Math.log10(state.recent) : 0;
      if (asTool > score) {
        last.kind = 'tool';
        score = Math.min(NEW_MAX, asTool);
      }
    }
    if (config.browser && score < BROWSER_SCORE && isStrangeBrowser(state, event, subject)) {
      last.kind = 'browser';
      score = BROWSER_SCORE;
    }
    return score;
  },

  describe(state: State, event: ApiEvent, subject: Subject): Evidence {
    return last.kind === 'new' ? describeNew(state, event, subject) : describeFixed(event, subject);
  },

  learn(state: State, event: ApiEvent, subject: Subject): void {
    const { client } = event;
    if (client.code === 0 || subject.weight < 1) return;
    const code = codeOf(client);
    if (code === state.known.get(0) && !event.fromBrowser) return;
    if (isFromBrowser(event)) learnBrowser(state, subject);
    const at = indexOf(state, code);
    if (at > 0) {
      state.known.set(at, state.known.get(at - 1));
      state.known.set(at - 1, code);
    } else if (at < 0) adopt(state, code, subject, isJudged(subject) || client.name === TOOL);
  },

  hourEnded(state: State, _subject: Subject, hour: { readonly count: number }): void {
    if (hour.count > 0) state.novel *= KEEP_HOUR;
  },
});

function ageOf(subject: Subject): number {
  return subject.second - subject.firstAt / 1000;
}

function isJudged(subject: Subject): boolean {
  const age = ageOf(subject);
  return age >= SETTLED_SECONDS || (age >= EARLY_SECONDS && subject.events >= EARLY_EVENTS);
}

function indexOf(state: State, code: number): number {
  for (let i = 0; i < FAMILIES; i++) if (state.known.get(i) === code) return i;
  return -1;
}

function knows(state: State, code: number): boolean {
  return indexOf(state, code) >= 0;
}

/** Counts the request among those of new families; several at once are one newcomer, by the name of its first. */
function scoreNew(state: State, code: number, subject: Subject): number {
  const { second } = subject;
  const gap = second - state.latest;
  const isOther = state.newcomer === 0 || (state.newcomer !== code && gap > ADOPT_SECONDS);
  if (isOther) {
    state.newcomer = code;
    state.first = second;
    state.hours = 0;
  }
  const before = isOther ? -1 : Math.floor(state.latest / 3600);
  if (state.newcomer === code && Math.floor(second / 3600) > before && state.hours < 255) {
    state.hours += 1;
  }
  state.recent = isOther ? 1 : state.recent * Math.exp(-gap / RECENT_SECONDS) + 1;
  state.latest = second;
  last.recent = state.recent;
  if (!isJudged(subject)) return 0;
  const usual = Math.max(START_USUAL, state.usual);
  const { active } = subject.places.state;
  last.novelty = -Math.log10(Math.min(1, (0.5 + state.novel) / (10 + active)));
  last.amount = state.recent > usual ? negativeBinomialTail(state.recent, usual, 2) : 0;
  const most = ageOf(subject) >= SETTLED_SECONDS ? NEW_MAX : EARLY_MAX;
  return Math.min(most, last.novelty + last.amount);
}

/** `onProbation`: only what came back for a day becomes known; else what a key begins with is its habit. */
function adopt(state: State, code: number, subject: Subject, onProbation: boolean): void {
  if (onProbation) {
    if (state.newcomer !== code || state.hours < ADOPT_HOURS) return;
    if (state.latest - state.first < ADOPT_SECONDS) return;
    if (isJudged(subject)) state.novel += 1;
    state.usual += 0.1 * (Math.min(state.recent, 4 * state.usual + 8) - state.usual);
  }
  if (state.newcomer === code) {
    state.newcomer = 0;
    state.recent = 0;
  }
  const free = indexOf(state, 0);
  state.known.set(free < 0 ? FAMILIES - 1 : free, code);
}

function isFromBrowser(event: ApiEvent): boolean {
  return event.fromBrowser || BROWSERS.has(event.client.name);
}

function isStrangeBrowser(state: State, event: ApiEvent, subject: Subject): boolean {
  if (!isFromBrowser(event) || subject.entry?.exposure === 'public') return false;
  if (!isJudged(subject)) return false;
  const hours = (state.browserHour - state.browserFrom) & 0xffff;
  return state.browserHours < ADOPT_HOURS || hours < ADOPT_SECONDS / 3600;
}

function learnBrowser(state: State, subject: Subject): void {
  const hour = Math.floor(subject.second / 3600) & 0xffff;
  // What a key begins with is its habit.
  if (!isJudged(subject)) {
    state.browserHours = ADOPT_HOURS;
    state.browserFrom = (hour - ADOPT_SECONDS / 3600) & 0xffff;
    state.browserHour = hour;
    return;
  }
  if (state.browserHours === 0) state.browserFrom = hour;
  else if (state.browserHour === hour) return;
  if (state.browserHours < 255) state.browserHours += 1;
  state.browserHour = hour;
}

function describeNew(state: State, event: ApiEvent, subject: Subject): Evidence {
  const hours = Math.round(subject.places.state.active);
  let families = 0;
  for (let i = 0; i < FAMILIES; i++) if (state.known.get(i) !== 0) families++;
  return {
    fromAt: state.first * 1000,
    observed: { client: event.client.name, requestsIn10Minutes: rounded(last.recent) },
    expected: {
      knownFamilies: families,
      activeHours: hours,
      newFamilies: rounded(state.novel),
      requestsIn10Minutes: rounded(Math.max(START_USUAL, state.usual)),
    },
    why:
      `about ${counted(last.recent, 'request')} in ten minutes by ${event.client.name}, a client family new ` +
      `for this key; in ${plural(hours, 'active hour')} it was used by ` +
      `${families === 1 ? 'one other' : `${count(families)} others`} only`,
    parts: [
      { name: 'this key seldom meets a new client', score: last.novelty },
      { name: 'number of requests by it', score: last.amount },
    ],
  };
}

function describeFixed(event: ApiEvent, subject: Subject): Evidence {
  const { client, fromBrowser } = event;
  const hours = plural(Math.round(subject.places.state.active), 'active hour');
  const headers = { client: client.name, browserHeaders: fromBrowser ? 'yes' : 'no' };
  if (last.kind === 'tool') {
    return {
      fromAt: event.at,
      observed: { client: client.name, requestsIn10Minutes: rounded(last.recent) },
      expected: {},
      why:
        `${plural(Math.round(last.recent), 'request')} in about ten minutes by a tool made to scan or ` +
        'attack, by its own name for itself, which is new for this key',
      parts: [{ name: 'an attack tool', score: 1 }],
    };
  }
  const sign = fromBrowser
    ? 'with headers that only browsers send'
    : `by ${client.name}, a browser`;
  return {
    fromAt: event.at,
    observed: headers,
    expected: { browserUse: 'none' },
    why: `used ${sign}; this key is not declared public, and in ${hours} no browser used it by habit`,
    parts: [{ name: 'a browser uses a key of servers', score: 1 }],
  };
}
