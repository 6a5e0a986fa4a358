/** Kafka, with deploy/kafka/server.properties and what docker-compose.yml adds to it. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installed } from './installed.ts';
import { accepts } from './probes.ts';
import type { Program } from './process.ts';
import { ROOT, type Settings } from './settings.ts';

const LOGGING = `appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
`;

export function kafka({ ports, kafkaHeap }: Settings, folder: string): Program {
  const own = path.join(folder, 'kafka');
  mkdirSync(own, { recursive: true });
  const listener = `PLAINTEXT://127.0.0.1:${ports.KAFKA}`;
  const controller = `127.0.0.1:${ports.KAFKA_CONTROLLER}`;
  const file = path.join(own, 'server.properties');
  const lines = [
    readFileSync(path.join(ROOT, 'deploy/kafka/server.properties'), 'utf8'),
    `listeners=${listener},CONTROLLER://${controller}`,
    `advertised.listeners=${listener}`,
    `controller.quorum.voters=1@${controller}`,
    `log.dirs=${path.join(own, 'data')}`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const logging = path.join(own, 'log4j2.properties');
  writeFileSync(logging, LOGGING);
  const options = [
    `-Xms${kafkaHeap}`,
    `-Xmx${kafkaHeap}`,
    // To be up soon on a machine that has other things to do.
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    `-Dlog4j2.configurationFile=${logging}`,
    ...['-cp', path.join(installed('kafka'), 'libs', '*')],
  ];
  // Formatting what is formatted already does nothing.
  const format = ['format', '-g', '-t', clusterId(own), '-c', file];
  execFileSync('java', [...options, 'kafka.tools.StorageTool', ...format], { stdio: 'pipe' });
  return {
    name: 'kafka',
    command: ['java', ...options, 'kafka.Kafka', file],
    isReady: () => accepts(ports.KAFKA),
  };
}

/** As long as the data: a broker refuses data of another cluster. */
function clusterId(own: string): string {
  const file = path.join(own, 'cluster-id');
  if (!existsSync(file)) writeFileSync(file, randomBytes(16).toString('base64url'));
  return readFileSync(file, 'utf8');
}
