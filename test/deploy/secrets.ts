/** The secrets of a test's own deployment, made as an operator makes them. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../deploy/native/settings.ts';

/** Texts by file name. */
export function writeSecrets(folder: string): Record<string, string> {
  execFileSync('bash', [path.join(ROOT, 'deploy/secrets.sh'), folder], { stdio: 'pipe' });
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
  );
}
