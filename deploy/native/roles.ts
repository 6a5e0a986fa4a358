/** Keyhound's processes, each of one role, with deploy/keyhound.yaml. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROLES, type Role } from '../../app/contract.ts';
import { gatewayLog } from './gateway.ts';
import { answers } from './probes.ts';
import type { Program } from './process.ts';
import { freePorts, ROOT, type Settings } from './settings.ts';

const NODE = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--disable-warning=TimeoutNegativeWarning',
  '--max-semi-space-size=8',
  path.join(ROOT, 'cli/main.ts'),
];

export interface RoleProcess extends Program {
  readonly role: Role;
  /** Of its health, readiness and metrics. */
  readonly url: string;
}

/** One of each role, detect as often as .env says. */
export async function roles(settings: Settings, folder: string): Promise<RoleProcess[]> {
  const wanted = ROLES.flatMap((role) =>
    role === 'detect' ? Array<Role>(settings.detectProcesses).fill(role) : [role],
  );
  const free = await freePorts(wanted.length);
  return wanted.map((role, at) => {
    const before = wanted.slice(0, at).filter((other) => other === role).length;
    const isOne = role !== 'detect';
    const name = isOne ? role : `${role}-${before + 1}`;
    // What people open is where .env says; the health of the others is anywhere.
    const port = role === 'console' ? settings.ports.CONSOLE : free[at]!;
    const url = `http://127.0.0.1:${port}`;
    return {
      name,
      role,
      url,
      restarts: true,
      command: [...NODE, 'run', '--json', '--role', role],
      env: roleEnvironment(settings, folder, { name, port }),
      isReady: () => answers(`${url}/readyz`),
    };
  });
}

export function roleEnvironment(
  { ports }: Settings,
  folder: string,
  { name, port }: { readonly name: string; readonly port: number },
): Record<string, string> {
  const state = path.join(folder, 'state', name);
  mkdirSync(state, { recursive: true });
  const at = (own: number): string => `127.0.0.1:${own}`;
  return {
    // What kafkajs says about itself is no news to an operator.
    KAFKAJS_NO_PARTITIONER_WARNING: '1',
    KEYHOUND_CONFIG: path.join(folder, 'keyhound.yaml'),
    KEYHOUND_PEPPER_FILE: path.join(folder, 'secrets/pepper'),
    KEYHOUND_STATE: state,
    KEYHOUND_KAFKA: at(ports.KAFKA),
    KEYHOUND_REDIS: `redis://${at(ports.REDIS)}/0`,
    KEYHOUND_ELASTICSEARCH: `http://${at(ports.ELASTICSEARCH)}`,
    KEYHOUND_LISTEN_CONSOLE: at(port),
    KEYHOUND_LISTEN_DECIDE: at(ports.DECIDE),
    KEYHOUND_LISTEN_INTAKE: at(ports.INTAKE),
    KEYHOUND_LISTEN_HOOKS: at(ports.HOOKS),
    KEYHOUND_GATEWAY_LOG: gatewayLog(folder),
  };
}

/** The command line, in the environment of a role. Rejects with what it said. */
export async function keyhound(
  settings: Settings,
  folder: string,
  words: readonly string[],
): Promise<string> {
  const [program, ...options] = NODE;
  const env = roleEnvironment(settings, folder, { name: 'console', port: settings.ports.CONSOLE });
  const { stdout } = await promisify(execFile)(program!, [...options, ...words], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  return stdout;
}
