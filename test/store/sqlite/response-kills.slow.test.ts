import { KILLS, testKills } from '../../responders/actions/kills/kills.ts';
import { temporaryFolder } from './driver.ts';
import { driver } from './response-open.ts';

testKills({
  driver,
  url: new URL('./response-open.ts', import.meta.url).href,
  createPlace: temporaryFolder,
  kills: KILLS,
});
