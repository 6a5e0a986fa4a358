/** The demo gateway and its traffic: NGINX with the same template as in docker-compose.yml. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accepts } from './probes.ts';
import type { Program } from './process.ts';
import { ROOT, type Settings } from './settings.ts';

export function gatewayLog(folder: string): string {
  return path.join(folder, 'gateway/access.log');
}

export function gateway({ ports }: Settings, folder: string): Program {
  const own = path.join(folder, 'gateway');
  mkdirSync(own, { recursive: true });
  const values: Readonly<Record<string, string>> = {
    GATEWAY_LISTEN: `127.0.0.1:${ports.GATEWAY}`,
    GATEWAY_UPSTREAM: `127.0.0.1:${ports.DEMO_API}`,
    GATEWAY_LOG: gatewayLog(folder),
  };
  const template = readFileSync(path.join(ROOT, 'deploy/gateway/gateway.conf.template'), 'utf8');
  const site = template.replace(/\$\{(GATEWAY_\w+)\}/g, (_, name: string) => values[name] ?? '');
  writeFileSync(path.join(own, 'gateway.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${path.join(own, name)};`,
  );
  const main = [
    `pid ${path.join(own, 'nginx.pid')};`,
    'worker_processes 1;',
    'daemon off;',
    // As root it would take another user for its worker, who could not write here.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'events {}',
    'http {',
    ...temporary,
    '  access_log off;',
    `  include ${path.join(own, 'gateway.conf')};`,
    '}',
  ];
  writeFileSync(path.join(own, 'nginx.conf'), `${main.join('\n')}\n`);
  return {
    name: 'gateway',
    command: ['nginx', '-p', own, '-c', path.join(own, 'nginx.conf'), '-e', 'stderr'],
    isReady: () => accepts(ports.GATEWAY),
  };
}

export function demo({ ports }: Settings, folder: string): Program {
  const program = path.join(ROOT, 'deploy/gateway/demo.ts');
  return {
    name: 'demo',
    command: [process.execPath, '--disable-warning=ExperimentalWarning', program],
    env: {
      DEMO_LISTEN: `127.0.0.1:${ports.DEMO_API}`,
      DEMO_GATEWAY: `http://127.0.0.1:${ports.GATEWAY}`,
      DEMO_LOG: gatewayLog(folder),
    },
    isReady: () => accepts(ports.DEMO_API),
  };
}
