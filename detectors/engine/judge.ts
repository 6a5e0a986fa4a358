/**
 * One subject's record under all detectors: binds the layouts, and runs observe, describe and learn.
 *
 * There is one Judge per engine; it is moved from record to record. It writes only the record it stands on,
 * so an event judged again from a copied record gives the same score, which `explain` checks.
 */
import { type Calendar, NO_CALENDAR } from '../../core/calendar.ts';
import type { Config } from '../../core/config.ts';
import type { Declared } from '../../core/directory.ts';
import type { ApiEvent, Route } from '../../core/event.ts';
import type { FindingContext } from '../../core/finding.ts';
import { drifted, keepBase, standIn } from '../baselines/drift.ts';
import { NETWORKS_LAYOUT, NetworksBaseline } from '../baselines/networks.ts';
import { PLACES_LAYOUT, PlacesBaseline } from '../baselines/places.ts';
import { RateBaseline } from '../baselines/rate.ts';
import { type HourListener, RATE_LAYOUT } from '../baselines/rate-state.ts';
import { NO_SHIFT, type ZoneShift, zoneShift, zoneShiftAt } from '../baselines/zone-shift.ts';
import type { Absence, Detector, DetectorSettings, Evidence } from '../detector.ts';
import { ALL_CARRIED, carriedBy } from './carried.ts';
import { type Learner, learnAll, NOBODY, type Observer, observeAll, seated } from './dispatch.ts';
import { KeyExceptions } from './key-exceptions.ts';
import {
  bindingOf,
  type Cursor,
  type Layout,
  type Memory,
  placeParts,
  type RecordLayout,
  type StateOf,
} from './layout.ts';
import { PeerView } from './peer-view.ts';
import { writeStarts } from './peers.ts';
import { settingsOf } from './settings.ts';
import { SubjectAtHand } from './subject.ts';

export const HEADER_LAYOUT = {
  digest0: 'u32',
  digest1: 'u32',
  digest2: 'u32',
  digest3: 'u32',
  /** Epoch ms. */
  firstAt: 'f64',
  lastAt: 'f64',
  /** Earliest instant at which something of this subject is due, epoch ms; 0 for nothing. */
  dueAt: 'f64',
  /** Attested events that were judged. */
  events: 'u32',
  /** Second in which the present suspicion began; 0 for none. */
  suspectSecond: 'u32',
  /** Days since the epoch: of the last suspicion, and of the prior that the record started with; 0 for none. */
  suspectDay: 'u16',
  priorDay: 'u16',
  /** Index of the source the last event came from. */
  source: 'u16',
  /** What records carried on the last day of use, and on the one before (see carried.ts). */
  carried: 'u8',
  carriedBefore: 'u8',
  usageHour: 'u32',
  usageRequests: 'u32',
  usageErrors: 'u32',
  usageBytesIn: 'f64',
  usageBytesOut: 'f64',
} as const;
export type Header = StateOf<typeof HEADER_LAYOUT>;

/** A detector as it runs here: with its settings checked and its state bound to the cursor. */
export interface Seat {
  readonly detector: Detector;
  /** The detector's, as the next: the detectors differ in shape, and what differs in shape is looked up each time. */
  readonly id: string;
  readonly isPlace: boolean;
  readonly observe: Detector['observe'];
  readonly settings: DetectorSettings;
  readonly state: StateOf<Layout>;
}

/** A seat whose detector judges absence. */
export interface AbsenceSeat extends Seat {
  readonly absence: Absence<Layout, DetectorSettings>;
}

/** Information, below what anybody is told. */
const DAMPED_PLACE_MAX = 4.9;
/** Learning stops for this long after suspicion began, then goes on damped (design.md §5). */
const LEARNING_STOP_SECONDS = 1800;
const DAMPED = 0.1;
const DAY_MS = 86_400_000;

export class Judge {
  readonly layout: RecordLayout;
  readonly header: Header;
  readonly seats: readonly Seat[];
  /** Seats that judge absence and are switched on. */
  readonly absenceSeats: readonly AbsenceSeat[];
  readonly rate: RateBaseline;
  readonly places: PlacesBaseline;
  readonly networks: NetworksBaseline;
  /** Scores of the last `observe`, by seat. */
  readonly scores: Float64Array;
  readonly subject: SubjectAtHand;
  /** By seat: nobody where it is switched off, or has nothing to learn. */
  private readonly observers: readonly Observer[];
  private readonly learners: readonly Learner[];
  private readonly cursor: Cursor;
  readonly peers = new PeerView();
  /** Until this second places count as information only: the geography data has changed. */
  placesDampedUntil = 0;
  /** A day of the key's use ended on the way to the event at hand. */
  isDayOver = false;
  private declared: Declared | undefined;
  private isRefusal = false;
  /** The route of the event at hand where it is not as it came. */
  private named: Route | undefined;
  readonly exceptions: KeyExceptions;

  constructor(
    detectors: readonly Detector[],
    config: Config['detectors'],
    calendar: Calendar = NO_CALENDAR,
  ) {
    this.exceptions = new KeyExceptions(calendar);
    const baselines = [
      { id: 'subject', version: 2, layout: HEADER_LAYOUT },
      { id: 'rate', version: 6, layout: RATE_LAYOUT },
      { id: 'places', version: 3, layout: PLACES_LAYOUT },
      { id: 'networks', version: 1, layout: NETWORKS_LAYOUT },
    ];
    this.layout = placeParts([...baselines, ...detectors]);
    const binding = bindingOf(this.layout);
    this.cursor = binding.cursor;
    this.header = binding.part(0, HEADER_LAYOUT);
    this.places = new PlacesBaseline(binding.part(2, PLACES_LAYOUT));
    this.networks = new NetworksBaseline(binding.part(3, NETWORKS_LAYOUT));
    this.seats = detectors.map((detector, i) => ({
      detector,
      id: detector.id,
      isPlace: detector.family === 'place',
      observe: detector.observe,
      settings: settingsOf(detector, config),
      state: binding.part(baselines.length + i, detector.layout),
    }));
    this.absenceSeats = this.seats.flatMap((seat) => {
      const { absence } = seat.detector;
      return absence === undefined || !seat.settings.enabled ? [] : [{ ...seat, absence }];
    });
    this.observers = seated(this.seats.map((seat) => (seat.settings.enabled ? seat : NOBODY)));
    this.learners = seated(
      this.seats.map((seat) => {
        const { learn } = seat.detector;
        return learn === undefined ? NOBODY : { ...seat, learn };
      }),
    );
    this.rate = new RateBaseline(
      binding.part(1, RATE_LAYOUT),
      [this.hourListener()],
      this.exceptions,
    );
    this.scores = new Float64Array(this.observers.length);
    this.subject = new SubjectAtHand(this.rate, this.places, this.networks, this.peers);
  }

  /** `declared`: what the registry says of the subject; `consumer`: whose it is by the log. */
  moveTo(memory: Memory, offset: number, declared: Declared | undefined, consumer = ''): void {
    this.cursor.moveTo(memory, offset);
    this.peers.moveTo(declared, consumer);
    if (declared === this.declared) return;
    this.declared = declared;
    this.subject.entry = declared?.entry;
    this.subject.successor = declared?.successor;
    this.subject.timeZone = declared?.timeZone ?? '';
  }

  /** What the scores of a detector at an instant are read from, beside record and event. */
  context(detector: Detector, at: number): FindingContext {
    const { declared, exceptions, header, named, subject } = this;
    const prior = detector.usesPrior ? this.peers.of(subject.second * 1000)?.facts : undefined;
    return {
      ...(declared === undefined ? {} : { declared }),
      ...(named === undefined ? {} : { route: named }),
      ...(prior === undefined ? {} : { prior }),
      ...exceptions.context(header.lastAt, at),
      ...(this.places.relearns ? { placesDamped: true } : {}),
    };
  }

  /** Starts the zeroed record at hand, with what is known of its peers. */
  init(at: number): void {
    const peers = this.peers.of(at);
    this.header.firstAt = at;
    this.header.lastAt = at;
    this.header.priorDay = peers?.day ?? 0;
    this.rate.init(Math.floor(at / 1000), peers && { ...peers, rate: peers.facts.rate });
    this.places.init();
    for (const seat of this.seats) seat.detector.init(seat.state, seat.settings);
    if (peers !== undefined) writeStarts(this.seats, peers.starts);
  }

  /** Makes `subject` speak of the record at hand, at a second no earlier than its last event. */
  face(second: number): void {
    const { header, places, rate, subject } = this;
    rate.turn();
    rate.drift = 0;
    this.isDayOver = false;
    places.relearns = second < this.placesDampedUntil;
    rate.isDamped = header.suspectSecond !== 0;
    // An heir is as old as the baseline that it took over; one without is younger than its first event by ms.
    const begunAt = rate.state.firstSecond * 1000;
    subject.firstAt = header.firstAt - begunAt < 1000 ? header.firstAt : begunAt;
    subject.lastAt = header.lastAt;
    subject.events = header.events;
    subject.second = second;
    subject.age = 0;
    subject.weight = this.weightAt(second);
  }

  /** Scores an attested event of the record at hand into `scores`. `route`: its route as Subject tells it. */
  observe(event: ApiEvent, route: Route = event.route): void {
    const { exceptions, rate, subject, observers, scores } = this;
    subject.route = route;
    this.named = route === event.route ? undefined : route;
    const second = Math.floor(event.at / 1000);
    const latest = rate.state.second;
    this.face(Math.max(second, latest));
    if (second >= latest) {
      const shift = this.shiftOf(event);
      if (shift !== undefined) rate.setShift(shift);
      rate.advance(second);
      rate.turn();
      rate.tally();
    } else {
      subject.age = latest - second;
      rate.rates(latest);
      rate.tallyLate(subject.age);
    }
    exceptions.look(second);
    if (exceptions.excusesAny) {
      for (let i = 0; i < this.seats.length; i++) {
        const isExcused = exceptions.excuses(this.seats[i]!.id);
        const { observe, state, settings } = isExcused ? NOBODY : observers[i]!;
        scores[i] = observe(state, event, subject, settings);
      }
    } else observeAll(observers, event, subject, scores);
    if (this.places.relearns) this.dampPlaces();
  }

  private dampPlaces(): void {
    const { seats, scores } = this;
    for (let i = 0; i < seats.length; i++) {
      if (!seats[i]!.isPlace) continue;
      scores[i] = Math.min(scores[i]!, DAMPED_PLACE_MAX);
    }
  }

  /** Shows a claimed failure of a known key to the detectors that want it; nothing is learned. */
  observeFailure(event: ApiEvent): void {
    const { exceptions, rate, seats, scores } = this;
    const second = Math.floor(event.at / 1000);
    this.subject.route = event.route;
    this.named = undefined;
    this.face(Math.max(second, rate.state.second));
    exceptions.look(second);
    for (let i = 0; i < seats.length; i++) {
      const seat = seats[i]!;
      scores[i] =
        seat.settings.enabled && seat.detector.seesFailures && !exceptions.excuses(seat.detector.id)
          ? seat.detector.observe(seat.state, event, this.subject, seat.settings)
          : 0;
    }
  }

  /** Silence before the event may have been remarkable. */
  suspectsAbsence(event: ApiEvent): boolean {
    const { absenceSeats, subject } = this;
    const second = Math.floor(event.at / 1000);
    for (let i = 0; i < absenceSeats.length; i++) {
      const { absence, settings, state } = absenceSeats[i]!;
      if (absence.suspects(subject, state, second, settings)) return true;
    }
    return false;
  }

  describe(i: number, event: ApiEvent): Evidence {
    const seat = this.seats[i]!;
    return seat.detector.describe(seat.state, event, this.subject, seat.settings);
  }

  /** Learns the event scored last. */
  learn(event: ApiEvent): void {
    const { exceptions, header, rate, places, networks, subject, learners } = this;
    if (exceptions.excusesAny) {
      for (let i = 0; i < this.seats.length; i++) {
        if (exceptions.excuses(this.seats[i]!.id)) continue;
        const { learn, state, settings } = learners[i]!;
        learn(state, event, subject, settings);
      }
    } else learnAll(learners, event, subject);
    const settled = places.settled(subject.second - subject.firstAt / 1000, subject.events);
    places.learn(event.place, subject.second, subject.weight, settled);
    networks.learn(event, subject.second, subject.weight, settled);
    rate.learn(subject.weight);
    this.noteCarried(event);
    header.events++;
    if (event.at > header.lastAt) header.lastAt = event.at;
  }

  /** Takes an attested request that a limit refused: it teaches nothing and accuses nobody, but the key is alive. */
  observeRefusal(event: ApiEvent): void {
    const { header, rate } = this;
    const second = Math.floor(event.at / 1000);
    this.face(Math.max(second, rate.state.second));
    if (second > rate.state.second) {
      const shift = this.shiftOf(event);
      if (shift !== undefined) rate.setShift(shift);
      this.isRefusal = true;
      rate.advance(second);
      this.isRefusal = false;
    }
    standIn(rate);
    if (event.at > header.lastAt) header.lastAt = event.at;
  }

  /** What records of the last two days of use carried, as bits (see carried.ts). */
  carried(): number {
    return this.header.carried | this.header.carriedBefore;
  }

  private noteCarried(event: ApiEvent): void {
    const { header } = this;
    if (Math.floor(event.at / DAY_MS) > Math.floor(header.lastAt / DAY_MS)) {
      header.carriedBefore = header.carried;
      header.carried = 0;
    }
    if (header.carried !== ALL_CARRIED) header.carried |= carriedBy(event);
  }

  /** How much may be learned at a second: nothing at the start of a suspicion, then a tenth. */
  weightAt(second: number): number {
    const since = this.header.suspectSecond;
    if (since === 0) return 1;
    return second - since < LEARNING_STOP_SECONDS ? 0 : DAMPED;
  }

  /** A stranger's zone must not bend the key's hours: only places known for the key count. */
  private shiftOf(event: ApiEvent): ZoneShift | undefined {
    const { place } = event;
    const declared = this.subject.timeZone;
    if (declared !== '') return zoneShift(declared, event.at);
    if (place.countryCode === 0) return NO_SHIFT;
    if (!this.places.knowsCountry(place.countryCode)) return undefined;
    return zoneShiftAt(place, event.at);
  }

  private hourListener(): HourListener {
    const hour = { count: 0, expected: 0, weight: 1 };
    const seats = this.seats.flatMap((seat) => {
      const { hourEnded } = seat.detector;
      return hourEnded === undefined ? [] : [{ ...seat, hourEnded }];
    });
    return {
      dayEnded: () => {
        // Nobody would be told: the next day of use does it.
        if (this.isRefusal) return;
        if (this.header.suspectSecond === 0) keepBase(this.rate);
        this.rate.drift = drifted(this.rate);
        this.isDayOver = true;
      },
      hourEnded: (_hour, count, expected, weight) => {
        hour.count = count;
        hour.expected = expected;
        hour.weight = weight;
        const { subject } = this;
        // Keys with little traffic end an hour at nearly every event: no iterator.
        for (let i = 0; i < seats.length; i++) {
          const seat = seats[i]!;
          seat.hourEnded(seat.state, subject, hour, seat.settings);
        }
      },
    };
  }
}
