/**
 * moto: a fake of AWS that others keep (IAM, API Gateway, Secrets Manager), as a process of its own on a free port.
 * It forgives: a key added twice to a plan is no error. Throttling and time-outs are for fakes of our own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface Moto {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** It takes any; those of the documentation. */
export const AWS_CREDENTIALS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

const CACHE = path.join(import.meta.dirname, '../../node_modules/.cache/keyhound-servers');

export async function startMoto(): Promise<Moto> {
  const folder = process.env['KEYHOUND_SERVERS_DIR'] || CACHE;
  const program = path.join(folder, 'bin/moto_server');
  const child = spawn(program, ['-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const abandon = () => void child.kill('SIGKILL');
  process.once('exit', abandon);
  const endpoint = await ready(child);
  return {
    endpoint,
    async stop() {
      process.off('exit', abandon);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

async function ready(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  child.once('error', (cause) => {
    const hint = 'cannot start moto, which this test needs: bash test/servers/install.sh';
    reject(new Error(hint, { cause }));
  });
  child.once('exit', (status) => reject(new Error(`moto ended (${status}):\n${said}`)));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 65_536) said += text;
    const address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
    if (address !== undefined) resolve(address);
  });
  return promise;
}
