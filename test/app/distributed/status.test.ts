/** What a process of the distributed form says of itself in figures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsOf, type RunningRoles } from '../../../app/distributed/status.ts';
import type { ResponseMetrics } from '../../../console/response-metrics.ts';
import type { PartitionLag } from '../../../core/broker.ts';

const figures: ResponseMetrics = {
  decisions: { held: 0, waiting: 0, standing: 3 },
  ...{ held: {}, stopped: true, unkept: 2, actions: { done: 1 }, verdicts: {}, channels: [] },
};

const reading = (...lags: PartitionLag[]) => ({ lag: () => lags });

/** Only what is asked of them. */
function rolesOf(respond: object, index?: object): RunningRoles {
  return { respond, index } as unknown as RunningRoles;
}

test('the role respond tells its figures and how far behind detection it is', () => {
  const consumer = reading({ partition: 0, position: 5, end: 7 });
  const { response, lags } = metricsOf(rolesOf({ figures: () => figures, consumer }));
  assert.deepEqual(response, figures);
  assert.deepEqual(lags, [{ topic: 'incidents', partition: 0, messages: 2 }]);
});

test('who waits for its turn to respond has none', () => {
  const { response, lags } = metricsOf(rolesOf({ figures: () => undefined, consumer: undefined }));
  assert.equal(response, undefined);
  assert.deepEqual(lags, []);
});

test('of two roles of a process that read a partition, the one further behind counts', () => {
  const consumer = reading({ partition: 0, position: 2, end: 9 });
  const consumers = {
    incidents: reading(
      { partition: 0, position: 8, end: 9 },
      { partition: 1, position: 1, end: 4 },
    ),
  };
  const index = { consumers, writer: { figures: () => undefined } };
  const { lags } = metricsOf(rolesOf({ figures: () => figures, consumer }, index));
  assert.deepEqual(lags, [
    { topic: 'incidents', partition: 0, messages: 7 },
    { topic: 'incidents', partition: 1, messages: 3 },
  ]);
});

test('what detect found late or repeated is told by source, of all its partitions', () => {
  const engine = (totals: Readonly<Record<string, object>>) => ({
    stats: () => ({ findings: {}, incidents: {}, closedAs: {}, heldBack: {}, risks: [] }),
    streams: {
      sourceNames: Object.keys(totals),
      totals: (name: string) => ({ late: 0, duplicates: 0, repeats: 0, ...totals[name] }),
    },
  });
  const partitions = [
    { engine: engine({ push: { late: 3, repeats: 1 }, web: { duplicates: 2 } }) },
    { engine: engine({ push: { late: 4 } }) },
  ];
  const { applied } = metricsOf({ detect: { partitions } } as unknown as RunningRoles);
  assert.deepEqual(applied, [
    { name: 'push', late: 7, duplicates: 0, repeats: 1 },
    { name: 'web', late: 0, duplicates: 2, repeats: 0 },
  ]);
});
