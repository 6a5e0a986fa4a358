/**
 * The engine fed directly with the traffic model, and forked by its own snapshot, so that many attacks start
 * from one honest history.
 */
import { type ApiEvent, createEvent } from '../../../core/event.ts';
import type { Finding, Incident } from '../../../core/finding.ts';
import type { LoadedState, SubjectRow } from '../../../core/store.ts';
import { createEngine, type DetectionEngine } from '../../../detectors/engine/engine.ts';
import { createEventFiller } from '../../../traffic/api-event.ts';
import type { TrafficEvent } from '../../../traffic/contract.ts';
import { emptyDirectory } from '../../variants/engine.ts';

export const LATENESS_MS = 60_000;
/** Keys nobody registered are admitted at once while the table is less than a quarter full. */
const SUBJECTS_MAX = 256 * 400;
/** Id of a made-up key that only moves the watermark. */
const CLOCK_ID = 'kong:clock';

/** A revision of an incident, and how far the stream had come. */
export interface Told<T> {
  readonly line: T;
  /** Time of the event (or clock) at which it was told, epoch ms. */
  readonly at: number;
  /** Requests applied in this lab until then. */
  readonly events: number;
}

export class Lab {
  readonly findings: Told<Finding>[] = [];
  readonly incidents: Told<Incident>[] = [];
  readonly engine: DetectionEngine;
  private readonly stream: number;
  private readonly fill = createEventFiller();
  private readonly event = createEvent();
  private readonly subjects = new Map<string, SubjectRow>();
  private readonly open = new Map<string, { digest: Uint8Array; body: string }>();
  private pending: TrafficEvent | undefined;
  private position = 0;
  private at = 0;
  events = 0;

  constructor(options: { readonly durable: boolean; readonly state?: LoadedState }) {
    this.engine = createEngine({
      subjectsMax: SUBJECTS_MAX,
      detectors: {},
      directory: emptyDirectory,
      geographyVersion: 'traffic model',
      durable: options.durable,
      onFinding: (line) => this.findings.push({ line, at: this.at, events: this.events }),
      onIncident: (line) => {
        if (line.subject.id !== CLOCK_ID) {
          this.incidents.push({ line, at: this.at, events: this.events });
        }
      },
    });
    // As the assemblies do: streams of the past are silent until they are opened again.
    if (options.state !== undefined) this.engine.restore(options.state);
    this.stream = this.engine.openStream('lab', 'lab', LATENESS_MS);
    this.position = this.engine.streams.list[this.stream]!.applied + 1;
  }

  /** Applies events until an instant; the first event after it is kept for the next call with the same iterator. */
  run(events: Iterator<TrafficEvent>, until: number): void {
    for (;;) {
      if (this.pending === undefined) {
        const next = events.next();
        if (next.done === true) break;
        this.pending = next.value;
      }
      if (this.pending.at >= until) return;
      this.apply(this.pending);
      this.pending = undefined;
    }
  }

  private apply(request: TrafficEvent): void {
    const { event } = this;
    this.fill(request, event);
    event.stream = this.stream;
    event.position = this.position++;
    // The model delivers nothing twice.
    event.fingerprint0 = 0;
    event.fingerprint1 = 0;
    this.at = request.at;
    this.events++;
    this.engine.observe(event);
  }

  /** Other keys' traffic has come so far. */
  tick(at: number): void {
    this.at = at;
    this.engine.observe(clockEvent(at, this.stream, this.position++));
  }

  /** All that the engine knows now. Only of a durable lab. */
  snapshot(): LoadedState {
    const checkpoint = this.engine.checkpoint();
    for (const row of checkpoint.subjects) this.subjects.set(hex(row.digest), row);
    for (const { digest, body } of checkpoint.open) {
      if (body === null) this.open.delete(hex(digest));
      else this.open.set(hex(digest), { digest, body });
    }
    return {
      meta: JSON.parse(JSON.stringify(checkpoint.meta)) as LoadedState['meta'],
      streams: checkpoint.streams,
      groups: checkpoint.groups,
      subjects: [...this.subjects.values()],
      open: [...this.open.values()],
    };
  }
}

/** The part of a snapshot that is one key's. */
export function onlyKey(state: LoadedState, id: string): LoadedState {
  const row = [...state.subjects].find((subject) => subject.id === id);
  if (row === undefined) throw new Error(`${id} is not in the snapshot`);
  return {
    ...state,
    groups: state.groups.filter(({ group }) => group === row.group),
    subjects: [row],
    open: state.open.filter(({ digest }) => hex(digest) === hex(row.digest)),
  };
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}

function clockEvent(at: number, stream: number, position: number): ApiEvent {
  const event = createEvent();
  event.at = at;
  event.key = { id: CLOCK_ID, digest0: 1, digest1: 2, digest2: 3, digest3: 4 };
  event.attested = true;
  event.status = 200;
  event.stream = stream;
  event.position = position;
  return event;
}
