/** Child process of the contract test: commits numbered checkpoints until it is killed. */
import type { StoreDriver } from './contract.ts';
import { checkpointNumber } from './rows.ts';

const [driverUrl, place] = process.argv.slice(2);
const { driver } = (await import(driverUrl!)) as { driver: StoreDriver };
const store = await driver.open(place!);
for (let n = 1; ; n++) {
  await store.commit(checkpointNumber(n));
  process.stdout.write(`${n}\n`);
}
