/** Redis, with deploy/redis/redis.conf and what docker-compose.yml adds to it. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { accepts } from './probes.ts';
import type { Program } from './process.ts';
import { ROOT, type Settings } from './settings.ts';

export function redis({ ports, redisMemory }: Settings, folder: string): Program {
  const own = path.join(folder, 'redis');
  mkdirSync(own, { recursive: true });
  return {
    name: 'redis',
    command: [
      'redis-server',
      path.join(ROOT, 'deploy/redis/redis.conf'),
      ...['--bind', '127.0.0.1', '--port', String(ports.REDIS), '--dir', own],
      ...['--maxmemory', redisMemory, '--aclfile', path.join(folder, 'secrets/redis-users')],
    ],
    isReady: () => accepts(ports.REDIS),
  };
}
