/** Reports of leaks, where detection is other processes: which keys there are is known from Redis. */
import { KEY_GROUPS } from '../../core/event.ts';
import { createKeyNames } from '../../decide/key-names.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import type { LeakTriggerStats } from '../../responders/triggers/leak.ts';
import type { Acting } from '../response/acting.ts';
import { startLeaks } from '../response/leaks.ts';
import { openAliasCopy } from './aliases.ts';
import { PatientListener } from './patient-listener.ts';
import type { RespondKeys } from './respond-keys.ts';
import type { RespondTermOptions } from './respond-options.ts';

export interface RespondLeaks {
  /** Undefined while it cannot listen. */
  readonly url: string | undefined;
  stats(): LeakTriggerStats | undefined;
  trouble(): string | undefined;
  /** Until the signal; closes what it has opened. */
  run(signal: AbortSignal): Promise<void>;
}

/** Undefined without a sender: nothing listens. */
export async function openRespondLeaks(
  options: RespondTermOptions,
  { response, telling }: Acting,
  keys: RespondKeys,
): Promise<RespondLeaks | undefined> {
  const { config: loaded, clock, env, folder, logger, redis, steered, stores } = options;
  const { config } = loaded;
  if (config.hooks.leak.length === 0) return undefined;
  const pepper = loadPepper({ env, stateDir: undefined, mayCreate: false });
  const directory = loadRegistry(config.keys, loaded.folder, config.consumers);
  const aliases = openAliasCopy(redis, folder, logger);
  const groupOf = (key: string) => savedIdentity(key).digest0 & (KEY_GROUPS - 1);
  const start = async () =>
    (await startLeaks({
      ...{ config, directory, clock, logger, store: stores.reports },
      names: createKeyNames({
        pepper: pepper.key,
        previous: pepper.previous?.key,
        aliases: aliases.table,
      }),
      known: (ids) => keys.known(ids),
      async report(report) {
        await response.options.detection.meet?.([report.subjectId]);
        response.report(report);
        await response.keeper.settle();
      },
      control: async (notice) => steered.control('leak', { ...notice, group: groupOf(notice.key) }),
      tell: (alert) => void telling.deliveries.tell(alert),
    }))!;
  const listener = new PatientListener({ start, logger, what: 'reports of leaks' });
  await listener.begin().catch(async (error: unknown) => {
    await aliases.close();
    throw error;
  });
  return {
    get url() {
      return listener.opened?.url;
    },
    stats: () => listener.opened?.stats(),
    trouble: () => listener.trouble,
    async run(signal) {
      try {
        const leaks = await listener.patiently(signal);
        await leaks?.run(signal);
      } finally {
        await listener.opened?.close();
        await aliases.close();
      }
    },
  };
}
