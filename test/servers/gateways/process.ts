/** A gateway's program as a child of the test: started on a free port, in a folder of its own, until it says it is ready. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Gateway {
  readonly port: number;
  /** Its access log. Whole once `stop` has returned. */
  readonly logFile: string;
  /** Ends the program, as an operator would, so that it writes what it holds back. The log stays. */
  stop(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

export interface GatewayProgram {
  readonly name: string;
  readonly command: string;
  /** How to get it, said when it is not there. */
  readonly install: string;
  /** Writes its configuration into the folder and answers its arguments. */
  prepare(place: Place): Promise<readonly string[]>;
  /** What it writes to stderr when it serves. */
  readonly ready: RegExp;
}

export interface Place {
  readonly folder: string;
  readonly port: number;
  readonly logFile: string;
}

export async function startGateway(program: GatewayProgram): Promise<Gateway> {
  const folder = await mkdtemp(path.join(tmpdir(), `keyhound-${program.name}-`));
  const place = { folder, port: await freePort(), logFile: path.join(folder, 'access.log') };
  const args = await program.prepare(place);
  const child = spawn(program.command, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  });
  const stop = () => end(child);
  const remove = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await isReady(child, program);
  } catch (error) {
    await remove();
    throw error;
  }
  return { port: place.port, logFile: place.logFile, stop, remove };
}

/** A program that test/servers/install.sh has put beside those of the distribution. */
export function installed(name: string): string {
  const cache = fileURLToPath(
    new URL('../../../node_modules/.cache/keyhound-servers', import.meta.url),
  );
  return path.join(process.env['KEYHOUND_SERVERS_DIR'] ?? cache, 'bin', name);
}

async function isReady(child: ChildProcess, program: GatewayProgram): Promise<void> {
  const { name, command, install, ready } = program;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  child.once('error', (error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT';
    reject(missing ? new Error(`${name}: there is no program ${command}. ${install}`) : error);
  });
  child.once('exit', (status) => reject(new Error(`${name} ended (${status}):\n${said}`)));
  // Read to its end, else a full pipe would stop the program.
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 65_536) said += text;
    if (ready.test(said)) resolve();
  });
  await promise;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
