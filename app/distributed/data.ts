/**
 * What the API of a process of the distributed form answers. Results come out of Elasticsearch, so whichever process
 * has it configured can tell them; state of single keys lies with the detect processes.
 */
import type { ConsoleData, Readiness } from '../../console/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { ResultStore } from '../../core/store.ts';
import { createEngine } from '../../detectors/engine/engine.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { explain } from '../explain.ts';
import { createIncidentData } from '../incident-data.ts';

export interface DistributedDataOptions {
  /** Undefined where no Elasticsearch is configured. */
  readonly results: ResultStore | undefined;
  readonly detectors: Parameters<typeof createEngine>[0]['detectors'];
  readiness(): Readiness;
  summary(): object;
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
    subjectsMax: 256,
    detectors: options.detectors,
    directory: loadRegistry([], '.'),
    geographyVersion: '',
    durable: false,
    onFinding: () => {},
    onIncident: () => {},
  });
  const later = (what: string) => async () => {
    throw elsewhere(what, 'the embedded form');
  };
  return {
    readiness: () => options.readiness(),
    summary: async () => options.summary(),
    incidents: async (filter) => incidents().incidents(filter),
    incident: async (id) => incidents().incident(id),
    explain: async (id) =>
      explain(id, {
        incidents: incidents(),
        inputs: (findingId) => store().findingInputs(findingId),
        recompute: (inputs) => judge.recompute(inputs),
        expected: (inputs, hours) => judge.expected(inputs, hours),
        usage: async () => [],
        firstAt: () => undefined,
      }),
    keys: later('keys'),
    key: later('keys'),
    backup: later('backups'),
    rules: later('silences and the allowlist'),
    addRule: later('silences and the allowlist'),
    removeRule: later('silences and the allowlist'),
    closeIncident: later('closing incidents'),
  };
}

function elsewhere(what: string, where: string): KeyhoundError {
  return new KeyhoundError('usage', `${what}: not answered by this process`, {
    code: 'not-here',
    hint: `Ask ${where}.`,
  });
}
