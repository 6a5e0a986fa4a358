/** Ids of actions. */
import { createHash } from 'node:crypto';

const LENGTH = 20;

/** Made from decision and gateway, so that the same decision asked for twice is one action. */
export function actionId(decision: string, gateway: string): string {
  const hash = createHash('sha256').update(`${decision} ${gateway}`).digest('hex');
  const text = BigInt(`0x${hash}`).toString(36).padStart(LENGTH, '0');
  return `act_${text.slice(-LENGTH)}`;
}
