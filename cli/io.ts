/** What a command may touch of the process; tests put memory in its place. */
import type { Clock } from '../core/clock.ts';

export interface TextOutput {
  readonly isTTY: boolean;
  /** Characters a line; 100 where nobody knows. */
  columns(): number;
  write(text: string): void;
}

export interface Io {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborted by SIGINT, SIGTERM, a closed stdout or one that takes nothing more; the reason is a StopReason. */
  readonly signal: AbortSignal;
  /** All of stdin as text, up to a bound. */
  readStdin(bytesMax: number): Promise<string>;
}

export type StopReason = 'SIGINT' | 'SIGTERM' | 'EPIPE' | 'output-failed';
