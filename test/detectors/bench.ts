/** One engine with what it has told, for the tests of detection. */
import { type Calendar, NO_CALENDAR } from '../../core/calendar.ts';
import type { Config } from '../../core/config.ts';
import type { WatchVerdict } from '../../core/control.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { ApiEvent } from '../../core/event.ts';
import type { Finding, FindingInputs, Incident } from '../../core/finding.ts';
import type { LoadedState } from '../../core/store.ts';
import type { Detector } from '../../detectors/detector.ts';
import type { EngineOptions } from '../../detectors/engine/contract.ts';
import { ShardEngine } from '../../detectors/engine/shard-engine.ts';
import type { Shard } from '../../detectors/engine/spans.ts';
import { CROWD_DETECTORS, DETECTORS, REPORT_DETECTORS } from '../../detectors/list.ts';
import { NO_DIRECTORY } from '../support/directory.ts';
import { hex, KeptState } from './kept-state.ts';

/** Lateness of the format that fixtures are written in. */
export const LATENESS_MS = 60_000;

const WHOLE: Shard = { index: 0, count: 1 };

export interface BenchOptions {
  readonly detectors?: readonly Detector[];
  readonly settings?: Config['detectors'];
  readonly directory?: KeyDirectory;
  readonly calendar?: Calendar | undefined;
  readonly subjectsMax?: number;
  readonly durable?: boolean;
  onInputs?(inputs: FindingInputs): void;
  onVerdict?(verdict: WatchVerdict): void;
  readonly shard?: Shard;
  /** Restored before the stream is opened. */
  readonly state?: LoadedState | undefined;
}

export interface Bench {
  readonly engine: ShardEngine;
  /** Every revision told, in order. */
  readonly findings: Finding[];
  readonly incidents: Incident[];
  /** Index of the stream `bench`, opened at once. */
  readonly stream: number;
  /** Applies events of that stream as they are; their positions must grow. */
  feed(events: Iterable<ApiEvent>): void;
  /** A subject's record, hex; undefined when it has none. */
  record(id: string): string | undefined;
  /** The same of all subjects, in order of id. */
  records(): Record<string, string>;
}

export function openBench(options: BenchOptions = {}): Bench {
  const findings: Finding[] = [];
  const incidents: Incident[] = [];
  const settings: EngineOptions = {
    subjectsMax: options.subjectsMax ?? 400_000,
    detectors: options.settings ?? {},
    directory: options.directory ?? NO_DIRECTORY,
    calendar: options.calendar ?? NO_CALENDAR,
    geographyVersion: 'flat earth 1',
    durable: options.durable ?? false,
    onFinding: (finding) => findings.push(finding),
    onIncident: (incident) => incidents.push(incident),
    ...(options.onInputs === undefined ? {} : { onInputs: options.onInputs }),
    ...(options.onVerdict === undefined ? {} : { onVerdict: options.onVerdict }),
  };
  const { shard, detectors = DETECTORS } = options;
  const engine = new ShardEngine({ ...settings, shard: shard ?? WHOLE }, detectors);
  if (options.state !== undefined) engine.restore(options.state);
  const stream = engine.openStream('bench', 'bench', LATENESS_MS);
  const record = (id: string): string | undefined => {
    const group = engine.groups.find(({ ids }) => ids.includes(id));
    return group && hex(group.slab.bytesOf(group.ids.indexOf(id)));
  };
  return {
    engine,
    findings,
    incidents,
    stream,
    record,
    feed(events) {
      for (const event of events) engine.observe(event);
    },
    records() {
      const ids = engine.groups.flatMap((group) => group.ids.filter((id) => id !== '')).sort();
      return Object.fromEntries(ids.map((id) => [id, record(id)!]));
    },
  };
}

/** What an engine keeps of these events: a long history is lived once, and benches go on from there. */
export function learned(events: Iterable<ApiEvent>, options: BenchOptions = {}): LoadedState {
  const bench = openBench({ ...options, durable: true });
  bench.feed(events);
  const kept = new KeptState();
  kept.take(bench.engine.checkpoint());
  return kept.load();
}

/** Settings that leave on only the detectors named in them, and `kept`. */
export function only(
  kept: string,
  settings: Config['detectors'] = {},
  detectors: readonly Pick<Detector, 'id'>[] = DETECTORS,
): Config['detectors'] {
  const off = [...detectors, ...CROWD_DETECTORS, ...REPORT_DETECTORS].filter(
    ({ id }) => id !== kept && settings[id] === undefined,
  );
  return { ...settings, ...Object.fromEntries(off.map(({ id }) => [id, { enabled: false }])) };
}

/** The last revision of each, in order of opening. */
export function latest<T extends { readonly id: string }>(told: readonly T[]): T[] {
  return [...new Map(told.map((line) => [line.id, line])).values()];
}

/** As JSON has it, for comparing. */
export function told(bench: Bench): unknown {
  return JSON.parse(JSON.stringify({ findings: bench.findings, incidents: bench.incidents }));
}
