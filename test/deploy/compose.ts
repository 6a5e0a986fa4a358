/** docker-compose.yml as Compose sees it: variables of .env filled in, merges done. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ROOT, readVariables } from '../../deploy/native/settings.ts';

export interface Service {
  readonly image: string;
  readonly build?: unknown;
  readonly user?: string;
  readonly command?: string | readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly profiles?: readonly string[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly healthcheck?: { readonly test?: string | readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly mem_limit?: string;
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

export const COMPOSE_TEXT = readText('docker-compose.yml');
/** Without the shell's: what is checked is the file. */
export const VARIABLES = readVariables({});

export function readText(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

export function readCompose(): Compose {
  const filled = COMPOSE_TEXT.replace(/\$(\$|\{(\w+)\})/g, (all, sign, name) => {
    if (sign === '$') return '$';
    const value = VARIABLES[name as string];
    if (value === undefined) throw new Error(`.env has no ${all}`);
    return value;
  });
  return parse(filled, { merge: true }) as Compose;
}

/** What a service's Keyhound process runs as; undefined where it is none. */
export function roleOf({ command }: Service): string | undefined {
  return /--role,? (\w+)/.exec([command ?? ''].flat().join(' '))?.[1];
}
