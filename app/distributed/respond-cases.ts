/**
 * Incidents that were open before a process began to respond, out of Elasticsearch. While that is away they are not
 * known, and the process responds without them: they are told as soon as it answers. What it answers may be older
 * than what was told on the topic; so it is read once more when all that was told before this term is in it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding, Incident } from '../../core/finding.ts';
import type { ResultStore } from '../../core/store.ts';
import type { Logger } from '../contract.ts';
import type { OpenCase } from '../response/response.ts';

const OPEN_MAX = 2000;
const AGAIN_MS = 2000;
const AGAIN_MS_MAX = 60_000;
/** What is written can be found so long after, at the latest (REFRESH_INTERVAL of its templates). */
const FOUND_MS = 2000;
/** Revisions heard meanwhile; the oldest give way. */
const HEARD_MAX = 200_000;

type Results = Pick<ResultStore, 'incident' | 'incidents' | 'findings'>;

export interface RespondCasesOptions {
  /** Undefined: there are none to ask. */
  readonly results: Results | undefined;
  /** Whether the results hold all that was told before this term. Rejects while that cannot be told. */
  isCaughtUp(): Promise<boolean>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly againMs?: number;
}

export class RespondCases {
  /** Why they are not known; undefined once they are. */
  trouble: string | undefined;
  private readonly options: RespondCasesOptions;
  /** Of incidents and findings, by id: what was told in this term. */
  private readonly revisions = new Map<string, number>();
  /** Incidents that were told as open out of the results. */
  private open: ReadonlySet<string> = new Set();
  private isOver: boolean;

  constructor(options: RespondCasesOptions) {
    this.options = options;
    this.isOver = options.results === undefined;
  }

  /** Told in this term: what the results say of it may be older. */
  heard({ id, revision }: Finding | Incident): void {
    if (this.isOver) return;
    this.revisions.delete(id);
    this.revisions.set(id, revision);
    if (this.revisions.size > HEARD_MAX) this.revisions.delete(this.revisions.keys().next().value!);
  }

  /** One try: what was not told yet in this term; nothing while Elasticsearch is away. */
  async read(): Promise<OpenCase[]> {
    const { logger, results } = this.options;
    if (results === undefined) return [];
    try {
      const cases = await this.ask(results);
      if (this.trouble !== undefined) {
        logger.info({ incidents: cases.length }, 'incidents that were open before are known now');
      }
      this.trouble = undefined;
      return cases;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.trouble === undefined) {
        logger.warn({ err: error }, 'incidents that were open before are not known yet');
      }
      this.trouble = `incidents that were open before are not known yet: ${reason}`;
      return [];
    }
  }

  /** After the first try, until all are known or the signal; each is told once a revision. */
  async follow(signal: AbortSignal, tell: (known: OpenCase) => void): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    // A server that does not answer must not keep the process.
    await Promise.race([this.learn(signal, tell), ended]);
    this.isOver = true;
    this.revisions.clear();
  }

  private async learn(signal: AbortSignal, tell: (known: OpenCase) => void): Promise<void> {
    const { againMs = AGAIN_MS, isCaughtUp } = this.options;
    const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
    const tellAll = async () => {
      const cases = await this.read();
      if (!signal.aborted) for (const one of cases) tell(one);
    };
    for (let waitMs = againMs; !this.isOver; waitMs = Math.min(AGAIN_MS_MAX, 1.5 * waitMs)) {
      await pause(waitMs);
      if (signal.aborted) return;
      if (this.trouble !== undefined) {
        await tellAll();
        waitMs = againMs;
      }
      const isWhole = await isCaughtUp().catch(() => false);
      if (!isWhole || this.trouble !== undefined) continue;
      await pause(FOUND_MS);
      if (signal.aborted) return;
      await tellAll();
      this.isOver = this.trouble === undefined;
    }
  }

  private async ask(results: Results): Promise<OpenCase[]> {
    const incidents = await results.incidents({ open: true, limit: OPEN_MAX });
    const open = new Set(incidents.map(({ id }) => id));
    for (const id of this.open) {
      // It has closed since, and nobody told this term.
      const closed = open.has(id) ? undefined : await results.incident(id);
      if (closed !== undefined) incidents.push(closed);
    }
    const found: OpenCase[] = [];
    for (const incident of incidents) {
      if (!this.isNews(incident)) continue;
      found.push({ incident, findings: await results.findings(incident.findings) });
    }
    this.open = open;
    // Only now: some may have been heard while it was asked.
    return found
      .filter(({ incident }) => this.isNews(incident))
      .map(({ incident, findings }) => {
        const news = findings.filter((finding) => this.isNews(finding));
        for (const told of [incident, ...news]) this.heard(told);
        return { incident, findings: news };
      });
  }

  private isNews({ id, revision }: Finding | Incident): boolean {
    return (this.revisions.get(id) ?? -1) < revision;
  }
}
