/** Messages on their way to people, and what channels were told, in Redis. */
import type { Delivery, DeliveryStore, Told } from '../../../core/alert.ts';
import type { RedisLink } from '../connection.ts';
import { NUL } from './keys.ts';
import { createRegister } from './register.ts';

export function createDeliveryStore(link: RedisLink, prefix: string): DeliveryStore {
  const deliveries = createRegister<Delivery>(link, prefix, 'deliveries', false);
  const told = createRegister<Told>(link, prefix, 'told', false);
  const nameOf = ({ channel, alert }: Told) => `${channel}${NUL}${alert}`;
  return {
    putDelivery: (delivery) => deliveries.write(delivery.id, delivery),
    removeDelivery: (id) => deliveries.write(id, undefined),
    async deliveries() {
      const all = await deliveries.all();
      return all.sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1));
    },
    putTold: (next) => told.write(nameOf(next), next),
    async told() {
      const all = await told.all();
      return all.sort((a, b) => a.at - b.at || (nameOf(a) < nameOf(b) ? -1 : 1));
    },
    async removeTold(beforeAt) {
      for (const one of await told.all()) {
        if (one.at < beforeAt) await told.write(nameOf(one), undefined);
      }
    },
  };
}
