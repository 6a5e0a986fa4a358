/** A real Caddy with one site and its access log, as its `log` directive writes it. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Gateway, startGateway } from './process.ts';

export interface CaddyOptions {
  /** Directives of the site. */
  readonly site: string;
}

export function startCaddy({ site }: CaddyOptions): Promise<Gateway> {
  return startGateway({
    name: 'caddy',
    command: process.env['KEYHOUND_TEST_CADDY'] ?? 'caddy',
    install:
      'apt-get install caddy (or: bash test/servers/install.sh), or name it in KEYHOUND_TEST_CADDY.',
    ready: /serving initial configuration/,
    async prepare({ folder, port, logFile }) {
      const config = path.join(folder, 'Caddyfile');
      await writeFile(
        config,
        `{
	admin off
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
      return ['run', '--config', config, '--adapter', 'caddyfile'];
    },
  });
}
