/** What the tests of the Kafka driver share: a topic each, waiting, and consumers in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { type KafkaConfig, kafkaSchema } from '../../../core/config.ts';
import { applyTopics, planTopics } from '../../../store/kafka/topics.ts';
import type { KafkaServer } from '../../servers/kafka.ts';
import type { ChildSettings } from './consumer-child.ts';

/** Generous: it ends a test that hangs, and says nothing about speed. */
const PATIENCE_MS = 90_000;
let prefixes = 0;

/** Settings with a prefix of their own, whose topics exist. */
export async function freshTopics(
  server: KafkaServer,
  settings: Partial<KafkaConfig> = {},
): Promise<KafkaConfig> {
  prefixes += 1;
  const config = kafkaSchema.parse({
    brokers: [...server.brokers],
    prefix: `t${prefixes}`,
    partitions: 4,
    replication: Math.min(3, server.brokers.length),
    sessionMs: 3000,
    ...settings,
  });
  await applyTopics(config, await planTopics(config));
  return config;
}

/** `seen` is told when it does not come to hold. */
export async function until(
  what: string,
  holds: () => boolean,
  seen: () => unknown = () => '',
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what} ${inspect(seen())}`);
    await delay(20);
  }
}

export function temporaryFile(name: string): string {
  return path.join(mkdtempSync(path.join(tmpdir(), 'keyhound-test-')), name);
}

export class ConsumerProcess {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;

  constructor(settings: ChildSettings) {
    const script = fileURLToPath(new URL('./consumer-child.ts', import.meta.url));
    this.#child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', script, JSON.stringify(settings)],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    this.#exit = once(this.#child, 'exit');
    // A killed child's stdin cannot be written to; nothing is lost by that.
    this.#child.stdin!.on('error', () => {});
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.lines.push(line));
  }

  said(pattern: RegExp): boolean {
    return this.count(pattern) > 0;
  }

  count(pattern: RegExp): number {
    return this.lines.filter((line) => pattern.test(line)).length;
  }

  /** Partitions it was given last. */
  get assigned(): number[] {
    const last = this.lines.findLast((line) => line.startsWith('assigned'));
    return last === undefined ? [] : (last.match(/\d+/g) ?? []).map(Number);
  }

  order(line: 'freeze' | 'close'): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  async close(): Promise<void> {
    this.order('close');
    await this.#exit;
  }
}
