/** A running `keyhound run --json`, spoken to as gateways and operators do. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Child, start } from './keyhound.ts';
import { type Line, unaccounted } from './lines.ts';

export interface Service {
  readonly child: Child;
  /** URL by name. */
  readonly listeners: Readonly<Record<string, string>>;
  /** Pushes records to a source of `tokenOf`. */
  push(source: string, body: string): Promise<Response>;
  get(url: string): Promise<string>;
  /** Resolves when every record that was taken has been applied or rejected, and there are so many. */
  applied(records: number): Promise<Line>;
  stop(): Promise<void>;
}

export function tokenOf(source: string): string {
  return `token-of-the-source-${source}`;
}

/** Written as the configuration of the folder, with listeners on free ports. */
export function configure(folder: string, config: object): void {
  const listen = { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' };
  const whole = { listen, ...config };
  writeFileSync(path.join(folder, 'keyhound.yaml'), JSON.stringify(whole));
}

/** Listening; killed after the test whatever comes. The state has to be in `state`. */
export async function serve(t: TestContext, folder: string): Promise<Service> {
  const child = start(['run', '--json'], { cwd: folder });
  t.after(() => child.kill('SIGKILL'));
  const told = (await child.told(/"listeners":(\{[^}]*\})/))[1]!;
  const listeners = JSON.parse(told) as Record<string, string>;
  const token = readFileSync(path.join(folder, 'state/api-token'), 'utf8').trim();
  const get = async (url: string): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${listeners['console']}${url}`, { headers })).text();
  };
  return {
    child,
    listeners,
    get,
    push: (source, body) =>
      fetch(`${listeners['intake']}/intake/keyhound`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokenOf(source)}` },
        body,
      }),
    async applied(records) {
      for (;;) {
        const summary = JSON.parse(await get('/api/v1/summary')) as Line;
        if (Number(summary['records']) >= records && unaccounted(summary) <= 0) return summary;
      }
    },
    async stop() {
      child.kill('SIGTERM');
      assert.equal((await child.ended).status, 143, child.stderr);
    },
  };
}
