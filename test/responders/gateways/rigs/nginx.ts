/** Map files of an NGINX that takes every reload. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Rig, RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

const FILES = ['refused.map', 'throttle-slow.map'];

export const rig: RigKind = {
  kind: 'nginx',
  async start(): Promise<Rig> {
    const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-maps-'));
    for (const file of FILES) writeFileSync(path.join(folder, file), '');
    const settings = {
      folder,
      reload: ['true'],
      throttles: [{ name: 'slow', perMinute: 4 }],
    };
    const lines = (file: string) => {
      const at = path.join(folder, file);
      const text = existsSync(at) ? readFileSync(at, 'utf8') : '';
      return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    };
    const has = (file: string, id: string) => lines(file).some((line) => line.includes(`"${id}"`));
    return {
      adapter: () => adapterOf('nginx', settings),
      // Of digits alone: they stand in the files as they are.
      target: { subjectId: 'nginx:00a1', credentialId: '00a1' },
      sibling: { subjectId: 'nginx:00a2', credentialId: '00a2' },
      secrets: [],
      effect: ({ credentialId = '' }) => ({
        open: !has('refused.map', credentialId),
        limit: has('throttle-slow.map', credentialId) ? { requests: 4, windowMs: 60_000 } : null,
      }),
      holds: () => FILES.map(lines),
      byHand: () => {
        for (const file of FILES) writeFileSync(path.join(folder, file), '');
      },
      violations: () => [],
      async close() {
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};
