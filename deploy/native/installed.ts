/** What test/servers/install.sh has put where. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './settings.ts';

export function installed(name: string): string {
  const servers =
    process.env['KEYHOUND_SERVERS_DIR'] ?? path.join(ROOT, 'node_modules/.cache/keyhound-servers');
  const folder = path.join(servers, name);
  if (existsSync(folder)) return folder;
  throw new Error(`${name} is not installed; run: bash test/servers/install.sh`);
}
