import { rm } from 'node:fs/promises';
import { after } from 'node:test';
import { testStateStore } from '../contract.ts';
import { driver } from './driver.ts';

const places: string[] = [];
after(() => Promise.all(places.map((place) => rm(place, { recursive: true, force: true }))));

testStateStore(
  {
    ...driver,
    async createPlace() {
      const place = await driver.createPlace();
      places.push(place);
      return place;
    },
  },
  new URL('./driver.ts', import.meta.url).href,
);
