/** Rules for sources of kind kafka. */
import type { Config, SourceConfig } from '../../core/config.ts';
import { isLoopback } from './addresses.ts';
import type { RuleFault } from './document.ts';
import type { RuledConfig } from './rules.ts';

/** Settings that no other kind of source has. */
const OWN = ['topic', 'group', 'brokers', 'tls', 'sasl'] as const;

export function checkKafkaSources(config: RuledConfig): RuleFault[] {
  const topics = new Map<string, number>();
  return config.sources.flatMap((source, i) => {
    if (source === undefined) return [];
    if (source.kind !== 'kafka') return foreign(source, i);
    return [
      ...missing(source, i, config),
      ...untrusted(source, i, config),
      ...shared(source, i, topics),
    ];
  });
}

export function topicsOf({ topic = [] }: SourceConfig): readonly string[] {
  return typeof topic === 'string' ? [topic] : topic;
}

/** What others could have written, into the topic or on its way, must not lead to an action. */
export function kafkaTrust(source: SourceConfig, { kafka }: Pick<Config, 'kafka'>): Trust {
  const { brokers = [], tls, sasl } = source.brokers === undefined ? (kafka ?? {}) : source;
  if (brokers.length > 0 && brokers.every(isLoopback)) return 'act';
  return tls !== undefined && (sasl !== undefined || tls.cert !== undefined) ? 'act' : 'observe';
}
type Trust = 'observe' | 'act';

function untrusted(source: SourceConfig, i: number, config: RuledConfig): RuleFault[] {
  if (source.trust !== 'act' || kafkaTrust(source, config) === 'act') return [];
  return [
    {
      path: ['sources', i, 'trust'],
      message:
        'what comes over the network in plaintext, or from anybody, is no evidence to act on',
      hint: 'Set trust: observe, or add tls: and sasl: (or a certificate of our own).',
    },
  ];
}

/** Silently ignored they would mislead. */
function foreign(source: SourceConfig, i: number): RuleFault[] {
  return OWN.filter((name) => source[name] !== undefined).map((name) => ({
    path: ['sources', i, name],
    message: `${name} is for kind kafka, not ${source.kind}`,
  }));
}

function missing(source: SourceConfig, i: number, config: RuledConfig): RuleFault[] {
  const faults: RuleFault[] = [];
  const at = (name: string) => ['sources', i, name];
  if (source.topic === undefined) {
    faults.push({
      path: at('kind'),
      message: 'a kafka source needs topic',
      hint: 'Add topic: NAME.',
    });
  }
  if (source.brokers === undefined && config.kafka === undefined) {
    faults.push({
      path: at('kind'),
      message: 'a kafka source needs brokers',
      hint: 'Add brokers: [HOST:PORT] to the source, or a kafka section.',
    });
  }
  for (const name of ['tls', 'sasl'] as const) {
    if (source[name] === undefined || source.brokers !== undefined) continue;
    faults.push({
      path: at(name),
      message: `${name} of a source is for its own brokers`,
      hint: `Add brokers: to the source, or move ${name} to the kafka section.`,
    });
  }
  return faults;
}

/** Streams are called after their topics: the records of the second would be taken for repeats. */
function shared(source: SourceConfig, i: number, topics: Map<string, number>): RuleFault[] {
  return topicsOf(source).flatMap((topic) => {
    const other = topics.get(topic);
    if (other === undefined) topics.set(topic, i);
    if (other === undefined) return [];
    const message =
      other === i ? `${topic} is named twice` : `sources[${other}] reads the topic ${topic}, too`;
    return [{ path: ['sources', i, 'topic'], message, hint: 'A topic belongs to one source.' }];
  });
}
