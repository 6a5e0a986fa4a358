/** A real Caddy with one site and its access log, as its `log` directive writes it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Gateway, installed, startGateway } from './process.ts';

export interface CaddyOptions {
  /** Directives of the site. */
  readonly site: string;
  /** HOST:PORT of its admin API; else it has none. */
  readonly admin?: string;
  /** One that was stopped: this one goes on with what was changed in it. */
  readonly resumes?: Gateway;
  /** Needs what Debian's 2.6 has not: the one of test/servers/install.sh. */
  readonly newer?: boolean;
}

export function startCaddy({ site, admin, resumes, newer }: CaddyOptions): Promise<Gateway> {
  const own = newer === true ? installed('caddy') : 'caddy';
  return startGateway({
    name: 'caddy',
    command: process.env['KEYHOUND_TEST_CADDY'] ?? own,
    install:
      'apt-get install caddy (or: bash test/servers/install.sh), or name it in KEYHOUND_TEST_CADDY.',
    ready: /serving initial configuration/,
    async prepare({ folder, port, logFile }) {
      const config = path.join(folder, 'Caddyfile');
      await writeFile(
        config,
        `{
	admin ${admin ?? 'off'}
	auto_https off
}
http://127.0.0.1:${port} {
	log {
		output file ${logFile}
	}
${site}
}
`,
      );
      const args = ['run', '--config', config, '--adapter', 'caddyfile'];
      if (resumes === undefined) return args;
      const saved = path.join('caddy', 'autosave.json');
      const text = await readFile(path.join(path.dirname(resumes.logFile), saved), 'utf8');
      await mkdir(path.join(folder, 'caddy'));
      await writeFile(path.join(folder, saved), text.replaceAll(`:${resumes.port}"`, `:${port}"`));
      return ['run', '--resume'];
    },
  });
}
