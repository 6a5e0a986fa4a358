import { after, before } from 'node:test';
import { type ElasticsearchServer, startElasticsearch } from '../../servers/elasticsearch.ts';
import { testResultStore } from '../results-contract.ts';
import { resultDriver } from './place.ts';

let server: ElasticsearchServer;
before(async () => {
  server = await startElasticsearch();
});
after(() => server?.stop());

testResultStore(resultDriver(() => server));
