/** The brokers of the distributed form, where they are configured. */
import type { Config } from '../../core/config.ts';
import type { Check } from '../contract.ts';
import { failed } from './check.ts';

/** The client is loaded only where it is needed. */
export async function* checkBrokers(config: Config): AsyncGenerator<Check> {
  const { kafka, elasticsearch } = config;
  if (kafka === undefined) return;
  const { checkKafka } = await import('../../store/kafka/check.ts');
  try {
    for await (const check of checkKafka(kafka, { indexes: elasticsearch !== undefined })) {
      yield { type: 'check', ...check };
    }
  } catch (error) {
    yield failed('kafka', error);
  }
}
