/** Child process of the contract test: commits numbered checkpoints until it is killed. */
import { checkpointNumber } from './rows.ts';
import type { StateDriver } from './state-contract.ts';

const [driverUrl, place] = process.argv.slice(2);
const { driver } = (await import(driverUrl!)) as { driver: StateDriver };
const store = await driver.open(place!);
for (let n = 1; ; n++) {
  await store.commit(checkpointNumber(n));
  process.stdout.write(`${n}\n`);
}
