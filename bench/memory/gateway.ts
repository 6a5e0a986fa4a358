/**
 * The demo's gateway in event time, with its log, as Kong writes it, in a file that is rotated every hour. It asks the
 * decision endpoint about every key that is used, once a step, and answers that key's next requests accordingly.
 */
import fs from 'node:fs';
import { type DemoModel, liveEvents } from '../../app/demo/model.ts';
import type { TrafficEvent } from '../../traffic/contract.ts';
import { targetOf } from '../../traffic/formats/shared.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { WRITERS } from '../../traffic/write.ts';

const CHUNK_LINES = 20_000;

interface Use {
  readonly credential: string;
  readonly method: string;
  readonly target: string;
  readonly address: string;
}

export class Gateway {
  /** Lines of the log since the start. */
  lines = 0;
  asked = 0;
  refused = 0;
  private readonly model: DemoModel;
  private readonly file: string;
  private readonly coming: IterableIterator<TrafficEvent>;
  private next: TrafficEvent;
  /** By credential, the status with which its requests are refused. */
  private readonly refusals = new Map<string, number>();

  constructor(model: DemoModel, file: string) {
    this.model = model;
    this.file = file;
    this.coming = liveEvents(model, model.endAt);
    this.next = this.coming.next().value as TrafficEvent;
  }

  /** All that was before. */
  writeHistory(): void {
    const { options, plan, endAt } = this.model;
    const lines: string[] = [];
    for (const event of createTraffic({ ...options, attacks: plan.past }).events({ toAt: endAt })) {
      lines.push(WRITERS.kong(event));
      if (lines.length === CHUNK_LINES) this.write(lines.splice(0));
    }
    this.write(lines);
  }

  /** Logs what comes until then, epoch ms; answers what was used in it, each key once. */
  serve(untilAt: number): Use[] {
    const lines: string[] = [];
    const uses = new Map<string, Use>();
    while (this.next.at < untilAt) {
      const { key, route, address } = this.next;
      const credential = key.credentialId;
      const status = this.refusals.get(credential);
      if (status !== undefined) {
        this.next.status = status;
        this.refused++;
      }
      const target = targetOf(this.next);
      uses.set(credential, { credential, method: route.method, target, address: address.text });
      lines.push(WRITERS.kong(this.next));
      this.next = this.coming.next().value as TrafficEvent;
    }
    this.write(lines);
    return [...uses.values()];
  }

  /** Asks the endpoint at this URL. */
  async ask(decide: string, uses: readonly Use[]): Promise<void> {
    await Promise.all(
      uses.map(async ({ credential, method, target, address }) => {
        const headers = {
          'x-credential': credential,
          'x-forwarded-method': method,
          'x-forwarded-uri': target,
          'x-forwarded-for': address,
        };
        const answer = await fetch(`${decide}/decide/forward`, { headers });
        await answer.arrayBuffer();
        this.asked++;
        if (answer.ok) this.refusals.delete(credential);
        else this.refusals.set(credential, answer.status);
      }),
    );
  }

  /** Begins a new file. All lines have to be read. */
  rotate(): void {
    fs.renameSync(this.file, `${this.file}.1`);
    fs.writeFileSync(this.file, '');
  }

  private write(lines: readonly string[]): void {
    if (lines.length === 0) return;
    fs.appendFileSync(this.file, lines.map((line) => `${line}\n`).join(''));
    this.lines += lines.length;
  }
}
