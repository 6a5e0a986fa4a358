/** The Redis drivers of the response under the shared contract tests. A place is a URL and a prefix. */
import type { RedisConfig } from '../../../../core/config.ts';
import { connectRedis, type RedisLink } from '../../../../store/redis/connection.ts';
import { type ResponseStores, responseStoresOn } from '../../../../store/redis/response/open.ts';
import type { RedisServer } from '../../../servers/redis.ts';
import { testActionStore } from '../../response/actions-contract.ts';
import { testAuditStore } from '../../response/audit-contract.ts';
import { testDecisionStore } from '../../response/decisions-contract.ts';
import { testDeliveryStore, testReportStore } from '../../response/deliveries-contract.ts';
import type { PlacedDriver } from '../../response/place.ts';
import { testActionQueue } from '../../response/queue-contract.ts';
import { testVerdictStore } from '../../response/verdicts-contract.ts';
import { newPrefix } from '../driver.ts';

export interface TestedStores {
  readonly name: string;
  /** Asked when a test runs, not before. */
  server(): RedisServer;
  /** What stands between a store and its connection. */
  around?(link: RedisLink): RedisLink;
}

/** Contract tests of stores in which a write says what it follows. */
export function testFencedStores(tested: TestedStores): void {
  testDecisionStore(placed(tested, (stores) => stores.decisions));
  testActionStore(placed(tested, (stores) => stores.actions));
  testVerdictStore(placed(tested, (stores) => stores.verdicts));
  testDeliveryStore(placed(tested, (stores) => stores.deliveries));
  testReportStore(placed(tested, (stores) => stores.reports));
}

/** All contract tests of the response. */
export function testResponseStores(tested: TestedStores): void {
  testFencedStores(tested);
  testAuditStore(placed(tested, (stores) => stores.audit));
  testActionQueue(placed(tested, (stores) => stores.queue));
}

function placed<T>(tested: TestedStores, pick: (stores: ResponseStores) => T): PlacedDriver<T> {
  const { name, around = (link) => link } = tested;
  return {
    name,
    createPlace: async () => `${tested.server().url} ${newPrefix()}`,
    async open(place) {
      const config = configOf(place);
      const link = around(await connectRedis(config));
      const stores = responseStoresOn(link, { config });
      return { store: pick(stores), close: () => stores.close() };
    },
  };
}

function configOf(place: string): RedisConfig {
  const [url, prefix] = place.split(' ') as [string, string];
  return { url, prefix };
}

/** Each command is carried out twice, as when the answer to the first was lost. */
export function repeating(link: RedisLink): RedisLink {
  return {
    ...link,
    insist: (command) =>
      link.insist(async () => {
        await command();
        return command();
      }),
  };
}

/** Commands of the past are carried out again after each one, as by a server that thaws. */
export function echoing(link: RedisLink): RedisLink {
  const past: (() => Promise<unknown>)[] = [];
  return {
    ...link,
    async insist(command) {
      const answer = await link.insist(command);
      past.push(command);
      for (const late of past.slice(-10)) await link.insist(late);
      return answer;
    },
  };
}
