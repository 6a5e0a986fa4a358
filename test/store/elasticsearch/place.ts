/** Places in a shared server: each has a prefix of its own. */
import { randomBytes } from 'node:crypto';
import { type ElasticsearchConfig, elasticsearchSchema } from '../../../core/config.ts';
import { type Connection, connect } from '../../../store/elasticsearch/connection.ts';
import type { ResultDocument } from '../../../store/elasticsearch/documents.ts';
import { createResultReader } from '../../../store/elasticsearch/reader.ts';
import { createWriter, WRITE_TIMEOUT_MS } from '../../../store/elasticsearch/writer.ts';
import type { ElasticsearchServer } from '../../servers/elasticsearch.ts';
import type { ResultDriver, Results } from '../results-contract.ts';

export function configOf(
  { url, ca }: ElasticsearchServer,
  rest: Partial<ElasticsearchConfig> = {},
): ElasticsearchConfig {
  return elasticsearchSchema.parse({
    nodes: [url],
    prefix: `t-${randomBytes(6).toString('hex')}`,
    replicas: 0,
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...rest,
  });
}

export function documentsOf({ findings, inputs, incidents, usage }: Results): ResultDocument[] {
  return [
    ...(findings ?? []).map((body) => ({ kind: 'finding', body }) as const),
    ...(inputs ?? []).map((body) => ({ kind: 'inputs', body }) as const),
    ...(incidents ?? []).map((body) => ({ kind: 'incident', body }) as const),
    ...(usage ?? []).map((body) => ({ kind: 'usage', body }) as const),
  ];
}

/** Makes everything that was written visible to searches. */
export async function refresh({ client, prefix }: Connection): Promise<void> {
  await client.indices.refresh({ index: `${prefix}-*` });
}

/** For documents none of which may be rejected. */
export function createStrictWriter(connection: Connection): ReturnType<typeof createWriter> {
  return createWriter({
    connection,
    onRejected({ kind }, reason) {
      throw new Error(`rejected ${kind}: ${reason}`);
    },
  });
}

const GIVE_UP_MS = 60_000;

/** The server is started by the caller, before the first test. */
export function resultDriver(server: () => ElasticsearchServer): ResultDriver {
  return {
    name: 'elasticsearch',
    async open() {
      const connection = connect(configOf(server()), { requestTimeoutMs: WRITE_TIMEOUT_MS });
      const writer = createStrictWriter(connection);
      const store = createResultReader(connection);
      return {
        store,
        async put(results) {
          // A writer waits for ever: what it waits for has to end the test.
          await writer.index(documentsOf(results), AbortSignal.timeout(GIVE_UP_MS));
          await refresh(connection);
        },
        async close() {
          await removeIndices(connection);
          await store.close();
        },
      };
    },
  };
}

export async function removeIndices({ client, prefix }: Connection): Promise<void> {
  const indices = Object.keys(await client.indices.get({ index: `${prefix}-*` }));
  for (const index of indices) await client.indices.delete({ index });
}
