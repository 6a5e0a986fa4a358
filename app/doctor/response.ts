/** Can the policy be read, the gateways be reached, and what follows if not. */
import { createGateway } from '../../responders/gateways/create.ts';
import type { Check, LoadedConfig } from '../contract.ts';
import { NO_SEALS, NO_VERDICTS } from '../response/nothing.ts';
import { policySource } from '../response/policy-file.ts';
import { check, failed } from './check.ts';

const CALL_MS = 10_000;

export async function* checkResponse(
  { config, folder }: LoadedConfig,
  now: () => number,
): AsyncGenerator<Check> {
  yield checkPolicy(config.policy, folder);
  for (const gateway of config.gateways) {
    try {
      const tools = { seals: NO_SEALS, verdicts: NO_VERDICTS, folder, now };
      const adapter = createGateway(gateway, tools);
      for (const { name, ok, detail, hint } of await adapter.check(AbortSignal.timeout(CALL_MS))) {
        yield check(name, ok, detail, hint);
      }
    } catch (error) {
      yield failed(`gateway ${gateway.name}`, error);
    }
  }
  if (config.channels.length > 0) {
    const names = config.channels.map(({ name }) => name).join(', ');
    yield check('channels', true, `${names}; try them with \`keyhound channels test\``);
  }
}

function checkPolicy(configured: string | undefined, folder: string): Check {
  try {
    const source = policySource(configured, folder);
    const { version, ladder } = source.read();
    const on = Object.entries(ladder).filter(([, { mode }]) => mode !== 'off');
    const acts = on.map(([rung, { mode }]) => `${rung} ${mode}`).join(', ');
    const says = on.length === 0 ? 'nothing is acted upon' : acts;
    return check('policy', true, `${source.file ?? 'built in'}, ${version}: ${says}`);
  } catch (error) {
    return failed('policy', error);
  }
}
