/** The response's SQLite store for processes that are killed. */
import { openSqliteResponseStore } from '../../../store/sqlite/response.ts';
import type { KillDriver } from '../../responders/actions/kills/contract.ts';

export const driver: KillDriver = {
  name: 'sqlite',
  async open(folder) {
    const store = await openSqliteResponseStore({ folder });
    return { store, queue: store.queue, close: () => store.close() };
  },
};
