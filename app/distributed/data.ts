/**
 * What the API of a process of the distributed form answers. Results come out of Elasticsearch, so whichever process
 * has it configured can tell them. What people say is taken by the console role, and by it alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsoleData, IncidentDetail, Readiness } from '../../console/contract.ts';
import type { CloseRequest } from '../../core/control.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { ResponseClient } from '../../core/response.ts';
import type { ResultStore } from '../../core/store.ts';
import type { Coverage, KeyState } from '../../detectors/engine/contract.ts';
import { createEngine } from '../../detectors/engine/engine.ts';
import type { StateReader } from '../../store/redis/reader.ts';
import { explain } from '../explain.ts';
import { createIncidentData, type IncidentData } from '../incident-data.ts';
import { createKeyData } from '../key-data.ts';
import { createSteeringData } from '../steering-data.ts';
import type { ConsoleRole } from './console.ts';
import { redisKeySource } from './redis-keys.ts';

const CONSOLE = 'a process of the console role, with `redis`';
const LOOK_MS = 250;
const PATIENCE_MS = 10_000;

export interface DistributedDataOptions {
  /** Undefined where no Elasticsearch is configured. */
  readonly results: ResultStore | undefined;
  readonly detectors: Parameters<typeof createEngine>[0]['detectors'];
  readonly directory: KeyDirectory;
  readonly partitions: number;
  readonly coverage: Coverage;
  readiness(): Readiness;
  summary(): object;
  /** Undefined in a process without the role, or without Redis. */
  console(): ConsoleRole | undefined;
  readonly response: ResponseClient;
}

export function createDistributedData(options: DistributedDataOptions): ConsoleData {
  const { results } = options;
  const store = (): ResultStore => {
    if (results === undefined) throw elsewhere('incidents', 'a process with `elasticsearch`');
    return results;
  };
  const incidents = () => createIncidentData(store());
  // Judges recorded inputs again; it has no state.
  const judge = createEngine({
    ...{ subjectsMax: 256, geographyVersion: '' },
    detectors: options.detectors,
    directory: options.directory,
    durable: false,
    onFinding: () => {},
    onIncident: () => {},
  });
  const keySource = () => {
    const role = options.console();
    if (role === undefined) return undefined;
    const { detectors, directory, coverage, partitions } = options;
    const state = () => readable(role);
    return redisKeySource({ detectors, directory, coverage, partitions, state, results: store });
  };
  const keys = (what: string) => {
    const source = keySource();
    if (source === undefined) throw elsewhere(what, CONSOLE);
    return createKeyData(source);
  };
  const steering = (what: string) => {
    const role = options.console();
    if (role === undefined) throw elsewhere(what, CONSOLE);
    return createSteeringData(role.steered, incidents(), async (change) => change());
  };
  const later = (what: string) => async () => {
    throw elsewhere(what, 'the embedded form');
  };
  return {
    response: options.response,
    readiness: () => options.readiness(),
    async summary() {
      // Without Redis: of this process alone.
      const facts = await options
        .console()
        ?.facts()
        .catch(() => undefined);
      return { ...options.summary(), ...facts };
    },
    incidents: async (filter) => incidents().incidents(filter),
    incident: async (id) => incidents().incident(id),
    explain: async (id) =>
      explain(id, {
        incidents: incidents(),
        inputs: (findingId) => store().findingInputs(findingId),
        recompute: (inputs) => judge.recompute(inputs),
        expected: (inputs, hours) => judge.expected(inputs, hours),
        usage: async (keyId, sinceAt) => keySource()?.usage(keyId, sinceAt) ?? [],
        firstAt: async (keyId) => firstAtOf(await keySource()?.state(keyId)),
      }),
    keys: async (filter) => keys('keys').keys(filter),
    key: async (name) => keys('keys').key({ name }),
    backup: later('backups'),
    rules: async (kind) => steering('silences and the allowlist').rules(kind),
    addRule: async (request) => steering('silences and the allowlist').addRule(request),
    removeRule: async (request) => steering('silences and the allowlist').removeRule(request),
    async closeIncident(id, request) {
      const detail = await steering('closing incidents').closeIncident(id, request);
      return detail === undefined ? undefined : closed(detail, request, incidents());
    },
  };
}

/** Told by detection, the incident comes back by way of Kafka and Elasticsearch: that is waited for, not for ever. */
async function closed(
  told: IncidentDetail,
  { as, by, reason }: CloseRequest,
  incidents: IncidentData,
): Promise<IncidentDetail> {
  const { id } = told.incident;
  for (let detail = told, waited = 0; ; waited += LOOK_MS) {
    if (detail.incident.closedAs === as) return detail;
    if (waited >= PATIENCE_MS) break;
    await sleep(LOOK_MS);
    detail = (await incidents.incident(id)) ?? detail;
  }
  // All partitions have it: so it will be as soon as one of them is judged again.
  const { incident, findings } = told;
  const closedAt = incident.closedAt ?? incident.updatedAt;
  return {
    incident: { ...incident, closedAt, closedAs: as, closedBy: by, closedReason: reason },
    findings,
  };
}

function firstAtOf(state: KeyState | undefined): number | undefined {
  return state === undefined ? undefined : Date.parse(state.firstAt);
}

/** A person waits: what is away is told at once, not after all tries. */
async function readable(role: ConsoleRole): Promise<StateReader> {
  const reader = await role.state();
  const away = reader.trouble();
  if (away !== undefined) throw redisAway(away);
  return reader;
}

function redisAway(detail: string): KeyhoundError {
  return new KeyhoundError('operating', detail, {
    code: 'redis-away',
    retryable: true,
    hint: 'What is kept there cannot be told now. `keyhound doctor` says what is wrong.',
  });
}

function elsewhere(what: string, where: string): KeyhoundError {
  return new KeyhoundError('usage', `${what}: not answered by this process`, {
    code: 'not-here',
    hint: `Ask ${where}.`,
  });
}
