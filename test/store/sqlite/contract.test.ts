import { rm } from 'node:fs/promises';
import { after } from 'node:test';
import { type StoreDriver, testEmbeddedStore } from '../contract.ts';
import { testBackups, testCrashes } from '../crashes.ts';
import { driver } from './driver.ts';

const places: string[] = [];
after(() => Promise.all(places.map((place) => rm(place, { recursive: true, force: true }))));

const removed: StoreDriver = {
  ...driver,
  async createPlace() {
    const place = await driver.createPlace();
    places.push(place);
    return place;
  },
};

testEmbeddedStore(removed);
testCrashes(removed, new URL('./driver.ts', import.meta.url).href);
testBackups(removed);
