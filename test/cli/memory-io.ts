/** A process in memory, and assemblies that answer what a test gives them. */
import type {
  Assemblies,
  Finding,
  Incident,
  KeyLine,
  ReplaySummary,
  StateClient,
} from '../../app/contract.ts';
import { dispatch } from '../../cli/dispatch.ts';
import type { ExitStatus } from '../../cli/exit.ts';
import type { StopReason } from '../../cli/io.ts';
import type { ResponseClient } from '../../core/response.ts';

export interface Ran {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}
export interface RunOptions {
  readonly assemblies?: Partial<Assemblies>;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly columns?: number;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly stop?: AbortController;
}

export const NOW = Date.UTC(2026, 2, 1, 12);

export async function run(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const tty = options.tty === true;
  const columns = (): number => options.columns ?? 100;
  const status = await dispatch(
    words,
    {
      stdout: { isTTY: tty, columns, write: (text) => (stdout += text) },
      stderr: { isTTY: tty, columns, write: (text) => (stderr += text) },
      env: options.env ?? {},
      cwd: options.cwd ?? '/nowhere',
      clock: { now: () => NOW },
      signal: (options.stop ?? new AbortController()).signal,
      readStdin: async () => options.stdin ?? '',
    },
    { ...NOTHING, ...options.assemblies },
    '1.2.3',
  );
  return { status, stdout, stderr };
}

export function stopWith(reason: StopReason): AbortController {
  const stop = new AbortController();
  stop.abort(reason);
  return stop;
}

const unused = (): never => {
  throw new Error('this assembly was not expected to be called');
};
/** A response of which nothing is expected to be asked. */
export const UNUSED_RESPONSE: ResponseClient = {
  responseStatus: unused,
  decisions: unused,
  decision: unused,
  actions: unused,
  action: unused,
  command: unused,
  approve: unused,
  stop: unused,
  reconcile: unused,
  verifyAudit: unused,
  testChannels: unused,
};
const NOTHING: Assemblies = {
  replay: unused,
  backtest: unused,
  score: unused,
  run: unused,
  demo: unused,
  openClient: unused,
  restoreState: unused,
};

/** A client of which a test gives the methods that it expects to be called. */
export function clientWith(methods: Partial<StateClient>): Partial<Assemblies> {
  return {
    openClient: async () => ({
      via: 'state',
      incidents: unused,
      incident: unused,
      keys: unused,
      key: unused,
      explain: unused,
      backup: unused,
      rules: unused,
      addRule: unused,
      removeRule: unused,
      closeIncident: unused,
      response: UNUSED_RESPONSE,
      close: async () => {},
      ...methods,
    }),
  };
}

export function incident(change: Partial<Incident> = {}): Incident {
  return {
    type: 'incident',
    id: 'i-1',
    revision: 1,
    subject: { kind: 'key', id: 'kong:3f9c', label: 'billing-export' },
    openedAt: '2026-03-01T10:00:00.000Z',
    updatedAt: '2026-03-01T10:05:00.000Z',
    closedAt: null,
    severity: 'high',
    risk: 9.1,
    families: ['volume', 'place'],
    findings: ['f-1'],
    why: '1,130 requests in 5 minutes; at this hour it makes 124 ± 40',
    ...change,
  };
}

export function finding(change: Partial<Finding> = {}): Finding {
  return {
    type: 'finding',
    id: 'f-1',
    revision: 1,
    detector: 'volume-spike',
    family: 'volume',
    subject: { kind: 'key', id: 'kong:3f9c', label: 'billing-export' },
    fromAt: '2026-03-01T10:00:00.000Z',
    toAt: '2026-03-01T10:05:00.000Z',
    score: 9.1,
    severity: 'high',
    observed: { requests: 1130, windowMs: 300_000 },
    expected: { requests: 124.25 },
    why: '1,130 requests in 5 minutes',
    closedAt: null,
    trust: 'act',
    parts: [
      { name: '5 minutes', score: 6.1 },
      { name: '1 hour', score: 3 },
    ],
    versions: { 'volume-spike': 1 },
    ...change,
  };
}

export function key(change: Partial<KeyLine> = {}): KeyLine {
  return {
    type: 'key',
    id: 'kong:3f9c',
    label: 'billing-export',
    consumer: 'acme',
    firstAt: '2026-02-01T00:00:00.000Z',
    lastAt: '2026-03-01T11:00:00.000Z',
    events: 123_456,
    readiness: { 'volume-spike': { state: 'ready', since: '2026-02-08T00:00:00.000Z' } },
    rung: 'observe',
    ...change,
  };
}

/** The last line of a replay in which nothing happened. */
export function summary(change: Partial<ReplaySummary> = {}): ReplaySummary {
  return {
    type: 'summary',
    records: 1,
    bytes: 1,
    events: 1,
    rejected: {},
    flawed: {},
    duplicates: 0,
    late: 0,
    future: 0,
    claimed: 0,
    unadmitted: 0,
    subjects: 1,
    firstAt: null,
    lastAt: null,
    findings: {},
    incidents: {},
    silenced: 0,
    partOf: 0,
    closedAs: { 'false-alarm': 0, resolved: 0 },
    heldBack: { allowed: 0, remembered: 0 },
    seconds: 1,
    cpuSeconds: 1,
    rssMaxBytes: 1,
    sources: [],
    ...change,
  };
}

/** Of one in which something did. */
export const SUMMARY = summary({
  records: 10,
  bytes: 2048,
  events: 9,
  rejected: { malformed: 1 },
  firstAt: '2026-03-01T10:00:00.000Z',
  lastAt: '2026-03-01T11:00:00.000Z',
  findings: { 'volume-spike': 1 },
  incidents: { high: 1 },
  seconds: 0.1,
  cpuSeconds: 0.1,
  sources: [
    {
      source: 'a.log',
      format: 'kong',
      why: '20 of 20 lines',
      files: 1,
      names: ['a.log'],
      records: 10,
      events: 10,
      rejected: {},
    },
  ],
});
