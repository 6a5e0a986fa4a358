/** The response's SQLite drivers under the shared contract tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { openSqliteResponseStore, type ResponseStore } from '../../../store/sqlite/response.ts';
import type { Opened, PlacedDriver } from '../response/place.ts';

/** Driver of a part of the store. Its places are removed when the tests of the calling file have ended. */
export function driverOf<T>(part: (store: ResponseStore) => T): PlacedDriver<T> {
  const places: string[] = [];
  after(() => Promise.all(places.map((place) => rm(place, { recursive: true, force: true }))));
  return {
    name: 'sqlite',
    async createPlace() {
      const place = await mkdtemp(path.join(tmpdir(), 'keyhound-response-'));
      places.push(place);
      return place;
    },
    async open(folder): Promise<Opened<T>> {
      const store = await openSqliteResponseStore({ folder });
      return { store: part(store), close: () => store.close() };
    },
  };
}
