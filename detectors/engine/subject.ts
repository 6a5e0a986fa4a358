/** The subject that the judge stands on, as detectors see it. */
import type { KeyEntry } from '../../core/config.ts';
import { type Route, UNKNOWN_ROUTE } from '../../core/event.ts';
import type { NetworksBaseline } from '../baselines/networks.ts';
import type { PlacesBaseline } from '../baselines/places.ts';
import type { Prior } from '../baselines/prior.ts';
import type { RateBaseline } from '../baselines/rate.ts';
import type { Subject } from '../detector.ts';
import type { PeerView } from './peer-view.ts';

/**
 * A class, because all detectors read it at every event: of an object literal with a getter among its properties V8
 * makes a dictionary, and looks each of them up by name.
 */
export class SubjectAtHand implements Subject {
  readonly rate: RateBaseline;
  readonly places: PlacesBaseline;
  readonly networks: NetworksBaseline;
  entry: KeyEntry | undefined = undefined;
  successor: KeyEntry | undefined = undefined;
  timeZone = '';
  firstAt = 0;
  lastAt = 0;
  events = 0;
  second = 0;
  age = 0;
  weight = 1;
  route: Route = UNKNOWN_ROUTE;
  private readonly peers: PeerView;

  constructor(
    rate: RateBaseline,
    places: PlacesBaseline,
    networks: NetworksBaseline,
    peers: PeerView,
  ) {
    this.rate = rate;
    this.places = places;
    this.networks = networks;
    this.peers = peers;
  }

  get prior(): Prior {
    return this.peers.read(this.second * 1000);
  }
}
