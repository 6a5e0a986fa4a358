/** Child process of the kill test: a runner that does as it is told on stdin, until it is killed. */
import { createInterface } from 'node:readline';
import { systemClock } from '../../../../core/clock.ts';
import { createActionRunner } from '../../../../responders/actions/runner.ts';
import { createAuditLog } from '../../../../responders/audit.ts';
import { fakeAdapter } from '../fake-gateway.ts';
import type { Command, KillDriver } from './contract.ts';
import { httpApi } from './gateway.ts';

const [driverUrl, place, gatewayUrl] = process.argv.slice(2);
const { driver } = (await import(driverUrl!)) as { driver: KillDriver };
const { store, queue } = await driver.open(place!);
const adapter = fakeAdapter(httpApi(gatewayUrl!), { write: 'create' });
let settling: number | undefined;

const runner = createActionRunner({
  adapters: [adapter],
  store,
  queue,
  audit: createAuditLog({ store, writer: 'one' }),
  decisions: store,
  clock: systemClock,
  random: () => 0.5,
  onAction: () => void tellSettled(),
  bounds: { failuresMax: 1000, backoffMs: 5, backoffMsMax: 50, undoAgainMs: 50 },
});

function say(n: number): void {
  process.stdout.write(`${n}\n`);
}

async function tellSettled(): Promise<void> {
  if (settling === undefined || (await store.unsettledActions()).length > 0) return;
  if (settling === undefined) return;
  say(settling);
  settling = undefined;
}

async function obey(command: Command): Promise<void> {
  if (command.do === 'settle') {
    settling = command.n;
    return await tellSettled();
  }
  if (command.do === 'decide') {
    await store.put(command.decision);
    await runner.request(command.decision, adapter);
  } else {
    const decision = (await store.decision(command.id))!;
    const revision = decision.revision + 1;
    if (decision.state !== 'ended') {
      await store.put({ ...decision, revision, state: 'ended', endedAs: 'restored' });
    }
    await runner.undo(command.id, 'person:ann', 'restored');
  }
  say(command.n);
}

void runner.run(new AbortController().signal);
for await (const line of createInterface({ input: process.stdin })) {
  void obey(JSON.parse(line) as Command);
}
