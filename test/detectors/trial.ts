/**
 * What a detector is tried with: a state that has learned, and the events around its first finding. The long
 * history is lived through once; every check goes on from there.
 */
import assert from 'node:assert/strict';
import type { Config } from '../../core/config.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { ApiEvent } from '../../core/event.ts';
import type { LoadedState } from '../../core/store.ts';
import type { Detector } from '../../detectors/detector.ts';
import { NO_DIRECTORY } from '../support/directory.ts';
import { type Bench, type BenchOptions, learned, openBench } from './bench.ts';
import { cloneEvent } from './fixture-events.ts';

export interface TrialSource {
  readonly detector: Detector;
  readonly settings?: Config['detectors'];
  readonly directory?: KeyDirectory;
  /** In order of arrival, with growing positions; the detector must find something in them. */
  readonly events: readonly ApiEvent[];
}

export interface Trial {
  readonly detector: Detector;
  readonly state: LoadedState;
  /** Frozen, parts included. */
  readonly events: readonly ApiEvent[];
  /** Those before the first finding. */
  readonly calm: readonly ApiEvent[];
  /** Opens an engine with this detector alone; from the learned state unless told otherwise. */
  open(state?: LoadedState | 'nothing learned'): Bench;
  /** The same in an installation where nothing is declared about any key. */
  openUndeclared(): Bench;
}

const BEFORE = 250;
const AFTER = 350;

export function createTrial(source: TrialSource): Trial {
  const { detector, events } = source;
  const declared = source.directory ?? NO_DIRECTORY;
  const options = (state?: LoadedState, directory = declared): BenchOptions => ({
    detectors: [detector],
    settings: { [detector.id]: source.settings?.[detector.id] ?? {} },
    directory,
    durable: true,
    state,
  });
  const start = (state?: LoadedState, directory = declared): Bench =>
    openBench(options(state, directory));
  const finder = start();
  const at = events.findIndex((event) => {
    finder.engine.observe(event);
    return finder.findings.length > 0;
  });
  assert.notEqual(at, -1, `${detector.id} finds nothing in the events of its trial`);
  const from = Math.max(0, at - BEFORE);
  const state = learned(events.slice(0, from), options());
  return {
    detector,
    state,
    events: events.slice(from, at + AFTER).map(frozen),
    calm: events.slice(from, at).map(frozen),
    open: (given = state) => start(given === 'nothing learned' ? undefined : given),
    openUndeclared: () => start(undefined, NO_DIRECTORY),
  };
}

/** A copy of an event whose parts are copies too: nothing is shared, nothing can be written. */
export function frozen(event: ApiEvent): ApiEvent {
  const copy = cloneEvent(event);
  copy.key = Object.freeze({ ...event.key });
  copy.place = Object.freeze({ ...event.place });
  copy.route = Object.freeze({ ...event.route });
  copy.client = Object.freeze({ ...event.client });
  return Object.freeze(copy);
}

/** The same event with some of it changed. */
export function changed(event: ApiEvent, change: Partial<ApiEvent>): ApiEvent {
  return Object.freeze({ ...event, ...change });
}
