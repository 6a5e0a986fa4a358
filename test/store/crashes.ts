/** What every driver of core/store.ts keeps when it is killed or copied in the middle of a commit. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type StoreDriver, withStore } from './contract.ts';
import * as rows from './rows.ts';
import { loaded, type StateDriver } from './state-contract.ts';

/** `url`: of a module that exports `driver`, for the child that gets killed. */
export function testCrashes(driver: StateDriver, url: string): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;
  for (const commits of [1, 7, 30]) {
    test(name(`kill -9 after ${commits} commits leaves the last whole checkpoint`), async () => {
      const place = await driver.createPlace();
      const confirmed = await commitAndKill(url, place, commits);
      const store = await driver.open(place);
      const numbers = [...rows.numbersIn(await loaded(store))];
      assert.equal(numbers.length, 1, `of one instant: ${numbers}`);
      assert.ok(numbers[0]! >= confirmed, `${numbers[0]} of ${confirmed} confirmed`);
      await store.commit(rows.checkpointNumber(1_000_000));
      await store.close();
    });
  }
}

export function testBackups(driver: StoreDriver): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;
  test(name('a backup taken between and during commits is of one instant'), () =>
    withStore(driver, async (store, place) => {
      let taken = false;
      const backups = [1, 2, 3].map((n) => `${place}/copy-${n}`);
      const taking = (async () => {
        for (const folder of backups) await store.backup(folder);
      })().finally(() => {
        taken = true;
      });
      let number = 0;
      while (!taken) {
        await store.commit(rows.checkpointNumber(++number));
        await nextTurn();
      }
      await taking;
      for (const folder of backups) {
        const copy = await driver.openBackup(folder);
        const state = await copy.load();
        if (state !== undefined) assert.equal(rows.numbersIn(state).size, 1);
        await copy.close();
      }
    }),
  );
}

/** Number of the last checkpoint that the child said was durable. */
async function commitAndKill(url: string, place: string, commits: number): Promise<number> {
  const script = fileURLToPath(new URL('./commit-child.ts', import.meta.url));
  const child = spawn(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    script,
    url,
    place,
  ]);
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exit = once(child, 'exit');
  let confirmed = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    confirmed = Number(line);
    if (confirmed === commits) child.kill('SIGKILL');
  }
  await exit;
  assert.ok(confirmed >= commits, `the child was alive until killed: ${errors}`);
  return confirmed;
}
