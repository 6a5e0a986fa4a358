/** `keyhound run` with sources on free ports, fed by a gateway, and what it then knows of keys. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { SourceConfig } from '../../core/config.ts';
import { finish } from '../judged/keyhound.ts';
import { configure, type Service, serve } from '../judged/service.ts';

export interface Live {
  readonly service: Service;
  /** `HOST:PORT` that a source listens on. */
  address(source: string): string;
  /** Waits for so many records, stops, and tells what has been learned. */
  learned(records: number, rawKeys?: readonly string[]): Promise<Learned>;
}

export interface Learned {
  /** Key id → number of events learned. */
  readonly keys: ReadonlyMap<string, number>;
  readonly rejected: Readonly<Record<string, number>>;
  /** Raw key → the id that it is known by. */
  readonly ids: ReadonlyMap<string, string>;
  /** All that was printed. */
  readonly output: string;
}

export async function live(
  t: TestContext,
  parent: string,
  sources: readonly SourceConfig[],
): Promise<Live> {
  const folder = path.join(parent, `live-${sources.map(({ name }) => name).join('-')}`);
  mkdirSync(folder);
  configure(folder, { state: { dir: 'state' }, trustedProxies: ['127.0.0.1'], sources });
  const service = await serve(t, folder);
  return {
    service,
    address: (source) => String(service.listeners[`source ${source}`]).replace(/^\w+:\/\//, ''),
    async learned(records, rawKeys = []) {
      const summary = await service.applied(records);
      const { stdout, stderr } = await finish(['keys', '--json'], { cwd: folder });
      const ids = new Map<string, string>();
      for (const raw of rawKeys) ids.set(raw, await idOf(folder, raw));
      await service.stop();
      const lines = stdout.split('\n').filter((line) => line.includes('"type":"key"'));
      const listed = lines.map((line) => JSON.parse(line) as { id: string; events: number });
      return {
        keys: new Map(listed.map(({ id, events }) => [id, events])),
        rejected: summary['rejected'] as Record<string, number>,
        ids,
        output: service.child.stdout + service.child.stderr + stdout + stderr,
      };
    },
  };
}

async function idOf(folder: string, rawKey: string): Promise<string> {
  const { stdout } = await finish(['keys', 'show', '-', '--json'], { cwd: folder, input: rawKey });
  return (JSON.parse(stdout.split('\n')[0] ?? '') as { id: string }).id;
}
