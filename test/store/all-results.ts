/** Everything that a store of results holds, for comparing one with another. */
import type { FindingInputs } from '../../core/finding.ts';
import type { ResultStore, UsageRow } from '../../core/store.ts';
import type { Results } from './results-contract.ts';

/** `digests`: of the subjects whose usage is asked for. Findings are those of incidents. */
export async function allResults(
  store: ResultStore,
  digests: readonly Uint8Array[],
): Promise<Required<Results>> {
  const incidents = await store.incidents({ limit: 1_000_000 });
  const findings = await store.findings(incidents.flatMap((incident) => incident.findings));
  const inputs: FindingInputs[] = [];
  for (const { id } of findings) {
    const row = await store.findingInputs(id);
    if (row !== undefined) inputs.push(row);
  }
  const usage: UsageRow[] = [];
  for (const digest of digests) usage.push(...(await store.usage(digest, 0)));
  return { findings, inputs, incidents, usage };
}
