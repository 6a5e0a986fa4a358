/** The response with its policy file, its clients and what it tells people, over any drivers. */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import type { ConsoleData } from '../../console/contract.ts';
import type { Calendar } from '../../core/calendar.ts';
import type { Clock } from '../../core/clock.ts';
import type { ClosedAs } from '../../core/control.ts';
import type { Decision } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { SubjectName } from '../../core/finding.ts';
import type { GatewayAdapter } from '../../core/gateway.ts';
import type { ResponseClient } from '../../core/response.ts';
import type { HealthFacts } from '../../responders/alert-texts.ts';
import type { SweepableSealBox } from '../../responders/gateways/seal.ts';
import type { Policy } from '../../responders/policy.ts';
import { createPolicyHolder, type HolderFacts } from '../../responders/policy-holder.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { createResponseClient } from './client.ts';
import { createKillSwitch } from './kill-switch.ts';
import { readFacts, writeFacts } from './policy-facts.ts';
import { policySource } from './policy-file.ts';
import { type DetectionPort, Response, type ResponseKeep, type Teller } from './response.ts';
import { createTelling, type Telling } from './telling.ts';

const FACTS_FILE = 'policy-facts.json';

export interface ActingOptions {
  readonly config: LoadedConfig;
  readonly stateFolder: string;
  readonly keep: ResponseKeep;
  readonly seals: SweepableSealBox;
  readonly adapters: readonly GatewayAdapter[];
  /** Whether an adapter may act now. */
  asks(adapter: GatewayAdapter): boolean;
  readonly directory: KeyDirectory;
  readonly calendar: Calendar;
  readonly detection: DetectionPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Closes an incident as it was found to be. */
  closeIncident(id: string, as: ClosedAs, by: string, reason: string): Promise<void>;
  /** What is to be told of Keyhound itself, once a second. */
  health?(now: number): readonly HealthFacts[];
  /** Since when rungs are on, of whoever acted last, and where it is kept for the next. Default: the state folder. */
  readonly facts?: { readonly saved: HolderFacts | undefined; keep(facts: HolderFacts): void };
  /** Who is told beside the channels. */
  readonly teller?: Partial<Pick<Teller, 'decision' | 'action'>>;
}

export interface Acting {
  readonly response: Response;
  readonly client: ResponseClient;
  readonly telling: Telling;
  /** Why the policy file is not what is in force; undefined while it is. */
  policyFault(): string | undefined;
  /** What is allowed lifts what stands, at once. */
  tellingAllowances<T extends Pick<ConsoleData, 'addRule'>>(data: T): T;
  start(): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
  /** Since when which rung is switched on. */
  keepFacts(): void;
}

export function createActing(options: ActingOptions): Acting {
  const { config: loaded, keep, seals, stateFolder, clock, logger, directory } = options;
  const { config, folder } = loaded;
  const policy = policySource(config.policy, folder);
  const factsFile = path.join(stateFolder, FACTS_FILE);
  const saved = options.facts?.saved ?? readFacts(factsFile);
  const holder = createPolicyHolder(policy.read(), clock.now(), saved);
  let kept: HolderFacts | undefined;
  const keepFacts = (): void => {
    const facts = holder.facts();
    if (facts === kept) return;
    writeFacts(factsFile, facts);
    options.facts?.keep(facts);
    kept = facts;
  };
  const { env } = options.detection;
  const telling = createTelling({
    ...{ config, store: keep, folder, clock, logger },
    consumerOf: (id) => directory.entry(id)?.consumer ?? env.consumerOf?.(id) ?? '',
    openOf: (id): readonly Decision[] => response.desk.openOf(id),
  });
  const response: Response = new Response({
    ...options,
    audit: telling.audit,
    holder,
    killSwitch: createKillSwitch(stateFolder),
    random: () => randomInt(2 ** 32) / 2 ** 32,
    teller: both(telling.teller, options.teller),
    async onTick(now) {
      if (policy.hasChanged())
        telling.policy(
          holder,
          holder.reload(() => policy.read(), now),
        );
      keepFacts();
      for (const said of options.health?.(now) ?? []) telling.book.health(said);
      await seals.sweep();
      await telling.tick(now);
    },
  });
  const client = createResponseClient({
    ...{ response, policy, people: config.people },
    nameOf: (id) => nameOf(id, directory),
    closeIncident: options.closeIncident,
    verifyAudit: () => telling.verifyAudit(),
    testChannels: (name) => telling.testChannels(name),
  });
  return {
    ...{ response, client, telling },
    policyFault: () => holder.fault,
    tellingAllowances: (told) => ({
      ...told,
      async addRule(request) {
        const rule = await told.addRule(request);
        if (request.kind === 'allow') response.desk.allowanceAdded(response.now());
        return rule;
      },
    }),
    async start() {
      await telling.start();
      await response.start();
    },
    run: async (signal) => {
      await Promise.all([response.run(signal), telling.run(signal)]);
    },
    keepFacts,
  };
}

function both(first: Teller, second: ActingOptions['teller']): Teller {
  if (second === undefined) return first;
  return {
    incident: (...told) => first.incident(...told),
    decision(...told) {
      first.decision(...told);
      second.decision?.(...told);
    },
    action(action) {
      first.action(action);
      second.action?.(action);
    },
    notice: (notice) => first.notice(notice),
    trouble: (trouble) => first.trouble(trouble),
  };
}

/** Which rungs are switched on, in a sentence. */
export function actsInWords({ response }: Acting): string {
  if (response.options.killSwitch.read() !== undefined) {
    return 'The kill switch is on: nothing new is acted upon.';
  }
  return ladderInWords(response.options.holder.policy);
}

export function ladderInWords({ ladder }: Policy): string {
  const on = Object.entries(ladder).filter(([, { mode }]) => mode !== 'off');
  if (on.length === 0) return 'Nothing is acted upon.';
  return `Switched on: ${on.map(([rung, { mode }]) => `${rung} (${mode})`).join(', ')}.`;
}

function nameOf(id: string, directory: KeyDirectory): SubjectName {
  const label = directory.entry(id)?.label;
  return { kind: 'key', id, ...(label === undefined ? {} : { label }) };
}
