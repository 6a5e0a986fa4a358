/** A real HAProxy with the configuration that a test gives it. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Gateway, startGateway } from './process.ts';

export interface HaproxyOptions {
  /** Sections after `defaults`. `BIND` stands for the address of `port`, `FOLDER` for its own folder. */
  readonly config: string;
  /** Name → text of files in the folder. */
  readonly files?: Readonly<Record<string, string>>;
}

export function startHaproxy({ config, files }: HaproxyOptions): Promise<Gateway> {
  return startGateway({
    name: 'haproxy',
    command: process.env['KEYHOUND_TEST_HAPROXY'] ?? 'haproxy',
    install:
      'apt-get install haproxy (or: bash test/servers/install.sh), or name it in KEYHOUND_TEST_HAPROXY.',
    // Said by the master once its worker has the ports.
    ready: /Loading success/,
    async prepare({ folder, port }) {
      for (const [name, text] of Object.entries(files ?? {})) {
        await writeFile(path.join(folder, name), text);
      }
      const file = path.join(folder, 'haproxy.cfg');
      await writeFile(
        file,
        `defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 1s
${config.replaceAll('BIND', `127.0.0.1:${port}`).replaceAll('FOLDER', folder)}
`,
      );
      return ['-W', '-db', '-f', file];
    },
  });
}
