/** The store that the other tests stand on keeps the contract of the real ones. */
import { testActionStore } from '../../store/response/actions-contract.ts';
import { memoryActions } from './memory.ts';

const places = new Map<string, ReturnType<typeof memoryActions>>();

testActionStore({
  name: 'memory',
  async createPlace() {
    const place = String(places.size);
    places.set(place, memoryActions());
    return place;
  },
  open: async (place) => ({ store: places.get(place)!, close: async () => {} }),
});
