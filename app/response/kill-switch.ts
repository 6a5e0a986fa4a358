/**
 * The kill switch: a file in the state folder. Where it is, no new action starts, whatever else is away. It can be
 * made by hand (`touch STATE/stopped`) and removed by hand; what cannot be read counts as there.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KeyhoundError } from '../../core/errors.ts';

export interface Stopped {
  readonly by: string;
  readonly reason: string;
  /** RFC 3339; '' when it was made by hand. */
  readonly at: string;
}

export interface KillSwitch {
  readonly file: string;
  /** Undefined: actions may start. Looks at the disk each time. */
  read(): Stopped | undefined;
  stop(stopped: Stopped): void;
  resume(): void;
}

const BY_HAND: Stopped = Object.freeze({ by: 'unknown', reason: 'the file was made', at: '' });

export function createKillSwitch(folder: string): KillSwitch {
  const file = path.join(folder, 'stopped');
  return {
    file,
    read: () => (existsSync(file) ? contentOf(file) : undefined),
    stop(stopped) {
      const draft = `${file}.${process.pid}`;
      try {
        writeFileSync(draft, `${JSON.stringify(stopped)}\n`, { mode: 0o600, flush: true });
        renameSync(draft, file);
      } catch (cause) {
        rmSync(draft, { force: true });
        throw new KeyhoundError('operating', `cannot write ${file}`, {
          code: 'state-access',
          cause,
          hint: `Make it by hand: touch ${file}. An empty file is enough.`,
        });
      }
    },
    resume: () => rmSync(file, { force: true }),
  };
}

function contentOf(file: string): Stopped {
  try {
    const { by, reason, at } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    if (typeof by === 'string' && typeof reason === 'string' && typeof at === 'string') {
      return { by, reason, at };
    }
  } catch {
    // Empty, or not ours: it is there, and that is what counts.
  }
  return BY_HAND;
}
