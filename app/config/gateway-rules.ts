/** Rules of gateways: the settings of each kind, names, and who writes verdicts for which keys. */
import type { GatewayConfig } from '../../core/config-response.ts';
import { checkGateway } from '../../responders/gateways/create.ts';
import type { RuleFault } from './document.ts';

export function checkGateways(gateways: readonly GatewayConfig[]): RuleFault[] {
  const faults: RuleFault[] = [];
  const asking: { index: number; keys: readonly string[] }[] = [];
  gateways.forEach((gateway, index) => {
    const at = ['gateways', index] as const;
    const checked = checkGateway(gateway);
    for (const { path, ...fault } of checked.faults) {
      faults.push({ path: [...at, ...path], ...fault });
    }
    const twin = gateways.findIndex(({ name }) => name === gateway.name);
    if (twin !== index) {
      faults.push({ path: [...at, 'name'], message: `gateways[${twin}] has this name too` });
    }
    const { kind } = checked;
    if (kind === undefined || checked.faults.length > 0 || !kind.asks?.(checked.settings)) return;
    const keys = gateway.keys ?? kind.keys ?? [`${kind.kind}:`];
    const other = asking.find((candidate) => overlap(candidate.keys, keys));
    asking.push({ index, keys });
    if (other === undefined) return;
    faults.push({
      path: [...at, 'kind'],
      message: `it asks the decision endpoint about keys of gateways[${other.index}], which does too`,
      hint: 'One gateway of kind decide is enough for all that ask; or give each keys of its own.',
    });
  });
  return faults;
}

/** No begins at all: every key. */
function overlap(a: readonly string[], b: readonly string[]): boolean {
  if (a.length === 0 || b.length === 0) return true;
  return a.some((one) => b.some((other) => one.startsWith(other) || other.startsWith(one)));
}
