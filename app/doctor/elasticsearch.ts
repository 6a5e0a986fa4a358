/** The cluster of results, where one is configured. */
import type { Clock } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import type { Check } from '../contract.ts';
import { failed } from './check.ts';

/** The client is loaded only where it is needed. */
export async function* checkCluster(config: Config, clock: Clock): AsyncGenerator<Check> {
  if (config.elasticsearch === undefined) return;
  const { connect } = await import('../../store/elasticsearch/connection.ts');
  const { checkElasticsearch } = await import('../../store/elasticsearch/check.ts');
  let connection: ReturnType<typeof connect>;
  try {
    connection = connect(config.elasticsearch);
  } catch (error) {
    yield failed('elasticsearch', error);
    return;
  }
  const { usageMonthsMax } = config.state;
  const now = () => clock.now();
  try {
    for await (const check of checkElasticsearch(connection, { now, usageMonthsMax })) {
      yield { type: 'check', ...check };
    }
  } finally {
    await connection.close();
  }
}
