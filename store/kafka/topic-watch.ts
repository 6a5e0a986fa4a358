/**
 * Whether the topics that a process needs exist: asked at its start, often while one is missing, and now and then, as
 * one may be deleted. Whoever only sends or reads hears of it late, and in the words of another trouble.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConfig } from '../../core/config.ts';
import { createClient, type KafkaLogger } from './connection.ts';
import { asOperating } from './errors.ts';
import { shapeOf } from './topics.ts';

const SOON_MS = 2000;
const SELDOM_MS = 30_000;

export interface TopicWatch {
  /** Names of topics that are missing, or why nobody knows; undefined while all are there. */
  trouble(): string | undefined;
  close(): Promise<void>;
}

/** Answers at once: the first look is under way. */
export function watchTopics(
  config: KafkaConfig,
  names: readonly string[],
  logger: KafkaLogger & { error(facts: object, text: string): void },
): TopicWatch {
  const stop = new AbortController();
  let trouble: string | undefined = 'the brokers have not told yet which topics there are';
  let told: string | undefined;
  async function look(): Promise<boolean> {
    const topics = await missingTopics(config, names);
    trouble = topics.length === 0 ? undefined : inWords(topics);
    if (trouble !== undefined && trouble !== told) logger.error({ topics }, trouble);
    if (trouble === undefined && told !== undefined) logger.info({}, 'the topics are there now');
    told = trouble;
    return trouble === undefined;
  }
  async function watch(): Promise<void> {
    while (!stop.signal.aborted) {
      const isFine = await look().catch((error: unknown) => {
        // Once they were there, others tell that brokers are away.
        const { message } = asOperating(error, 'look for the topics');
        if (trouble !== undefined && told === undefined) trouble = message;
        return trouble === undefined;
      });
      const waitMs = isFine ? SELDOM_MS : SOON_MS;
      await sleep(waitMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    }
  }
  void watch();
  return {
    trouble: () => trouble,
    async close() {
      stop.abort();
    },
  };
}

function inWords(missing: readonly string[]): string {
  const [what, them] = missing.length === 1 ? ['the topic', 'it'] : ['the topics', 'them'];
  return `${what} ${missing.join(', ')} missing: keyhound kafka init --yes makes ${them}`;
}

async function missingTopics(config: KafkaConfig, names: readonly string[]): Promise<string[]> {
  const admin = createClient(config, { role: 'admin' }).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    const shapes = await Promise.all(names.map((name) => shapeOf(admin, name)));
    return names.filter((_, i) => shapes[i] === undefined);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}
