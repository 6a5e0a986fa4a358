/** What a process that may respond is given. */
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig, RedisConfig } from '../../core/config.ts';
import type { ClosedAs } from '../../core/control.ts';
import type { ResultStore } from '../../core/store.ts';
import type { StateReader } from '../../store/redis/reader.ts';
import type { ResponseStores } from '../../store/redis/response/open.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import type { Steered } from '../steering-data.ts';
import type { Losses } from './losses.ts';
import type { ResponsePublisher } from './response-publisher.ts';

export interface RespondOptions {
  readonly config: LoadedConfig;
  readonly kafka: KafkaConfig;
  readonly redis: RedisConfig;
  /** The state folder, which is there. */
  readonly folder: string;
  /** URL of this process' API. */
  readonly url: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly steered: Steered;
  /** What detection has saved; rejects while Redis is away. */
  state(): Promise<StateReader>;
  readonly results: ResultStore | undefined;
  /** When the geography data was made, epoch ms; undefined when nobody knows. */
  readonly geographyBuiltAt: number | undefined;
  /** Closes an incident as it was found to be. */
  closeIncident(id: string, as: ClosedAs, by: string, why: string): Promise<void>;
}

export interface RespondTermOptions extends RespondOptions {
  readonly publisher: ResponsePublisher;
  readonly stores: ResponseStores;
  readonly losses: Losses;
  /** Lost, or to be ended. */
  readonly until: AbortSignal;
}
