/** The topics of the distributed form: what there is, what would be made, making it. */
import { KeyhoundError } from '../core/errors.ts';
import { applyTopics, planTopics, wantedTopics } from '../store/kafka/topics.ts';
import type { Check, LoadedConfig } from './contract.ts';

/**
 * One check a topic, in the order of their names. With `create` those that are missing are made; what exists is
 * never altered. Throws `usage` where no Kafka is configured, `operating` when it stays away or a topic is such that
 * nothing may run with it.
 */
export async function initTopics(
  { config }: LoadedConfig,
  { create }: { readonly create: boolean },
): Promise<readonly Check[]> {
  const { kafka } = config;
  if (kafka === undefined) {
    throw new KeyhoundError('usage', 'no Kafka is configured', {
      code: 'kafka-missing',
      hint: 'Set `kafka.brokers`; the embedded form needs none.',
    });
  }
  const plan = await planTopics(kafka);
  if (create) await applyTopics(kafka, plan);
  return wantedTopics(kafka).map((topic): Check => {
    const isMissing = plan.create.some(({ name }) => name === topic.name);
    const faults = plan.faults.filter((fault) => fault.topic === topic.name);
    const state = isMissing ? (create ? 'created' : 'would be created') : 'is there';
    const wrong = faults.map(({ setting, found, wanted }) => `${setting} ${found}, not ${wanted}`);
    return {
      type: 'check',
      name: topic.name,
      ok: faults.length === 0 && (create || !isMissing),
      detail: [state, ...(faults.length > 0 ? wrong : [shapeOf(topic)])].join('; '),
      ...(faults[0] === undefined ? {} : { hint: faults[0].hint }),
    };
  });
}

function shapeOf(topic: ReturnType<typeof wantedTopics>[number]): string {
  const settings = Object.entries(topic.settings).map(([name, value]) => `${name}=${value}`);
  const count = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
  return [
    count(topic.partitions, 'partition', 'partitions'),
    count(topic.replication, 'copy', 'copies'),
    ...settings,
  ].join(', ');
}
