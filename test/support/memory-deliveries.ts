/** A DeliveryStore in memory, for tests; what it holds outlives who uses it, as a disk does. */
import type { Delivery, DeliveryStore, Told } from '../../core/alert.ts';

export interface MemoryDeliveries extends DeliveryStore {
  /** The next calls of these fail. */
  failing: boolean;
}

export function memoryDeliveries(): MemoryDeliveries {
  const deliveries = new Map<string, string>();
  const told = new Map<string, Told>();
  const store: MemoryDeliveries = {
    failing: false,
    async putDelivery(delivery) {
      if (store.failing) throw new Error('disk full');
      deliveries.set(delivery.id, JSON.stringify(delivery));
    },
    async removeDelivery(id) {
      if (store.failing) throw new Error('disk full');
      deliveries.delete(id);
    },
    async deliveries() {
      return [...deliveries.values()].map((text) => JSON.parse(text) as Delivery);
    },
    async putTold(next) {
      if (store.failing) throw new Error('disk full');
      told.set(`${next.channel} ${next.alert}`, next);
    },
    async told() {
      return [...told.values()];
    },
    async removeTold(beforeAt) {
      for (const [key, { at }] of told) if (at < beforeAt) told.delete(key);
    },
  };
  return store;
}
