/** A real NGINX with one server, its access log in a file and wherever the test says. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Gateway, startGateway } from './process.ts';

export interface NginxOptions {
  /** Directives of the http block: log_format, map … */
  readonly http: string;
  /** Directives of the server. `LOG_FILE` stands for the path of `logFile`. */
  readonly server: string;
}

export function startNginx({ http, server }: NginxOptions): Promise<Gateway> {
  return startGateway({
    name: 'nginx',
    command: process.env['KEYHOUND_TEST_NGINX'] ?? 'nginx',
    install:
      'apt-get install nginx-light (or: bash test/servers/install.sh), or name it in KEYHOUND_TEST_NGINX.',
    ready: /start worker process/,
    async prepare({ folder, port, logFile }) {
      const config = path.join(folder, 'nginx.conf');
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${folder}/${name};`,
      );
      await writeFile(
        config,
        `${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
${temporary.join('\n')}
${http}
server {
listen 127.0.0.1:${port};
${server.replaceAll('LOG_FILE', logFile)}
}
}
`,
      );
      return ['-p', folder, '-c', config, '-e', 'stderr', '-g', 'daemon off;'];
    },
  });
}
