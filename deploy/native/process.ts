/** Programs as processes of their own: started, waited for, started again, ended by process id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Program {
  /** Unique; names its log. */
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Id of the user that it runs as, instead of ours. */
  readonly userId?: string;
  isReady(): Promise<boolean>;
  /** It may end by itself, and is started again then. What may not, takes the rest along. */
  readonly restarts?: boolean;
}

export interface Place {
  /** Working folder of all programs. */
  readonly folder: string;
  /** Output is appended there, a file for each program. */
  readonly logs: string;
  /** One line for the person who watches. */
  say(text: string): void;
}

const LOOK_MS = 100;
const READY_MS_MAX = 180_000;
const END_MS_MAX = 30_000;
const RESTART_MS = 1000;
/** What another user does not keep of ours. */
const LOSES = ['--clear-groups', '--no-new-privs'];

export class Running {
  /** Rejects when the program ended and is not to be started again. */
  readonly failed: Promise<never>;
  private child: ChildProcess;
  private isEnding = false;
  private fail!: (error: Error) => void;
  private readonly program: Program;
  private readonly place: Place;

  constructor(program: Program, place: Place) {
    this.program = program;
    this.place = place;
    this.failed = new Promise((_, reject) => {
      this.fail = reject;
    });
    // Whoever starts it may still be waiting for it to be ready.
    this.failed.catch(() => undefined);
    this.child = this.start();
  }

  get name(): string {
    return this.program.name;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ready(): Promise<void> {
    const lastAt = performance.now() + READY_MS_MAX;
    const look = async (): Promise<void> => {
      while (!(await this.program.isReady())) {
        if (performance.now() > lastAt) throw this.problem('is not ready');
        await sleep(LOOK_MS);
      }
    };
    await Promise.race([look(), this.failed]);
  }

  /** In order; what has not ended after 30 s is ended at once. */
  async end(): Promise<void> {
    this.isEnding = true;
    const child = this.child;
    if (isAlive(child)) {
      const exit = once(child, 'exit');
      this.signal('SIGTERM');
      const late = setTimeout(() => this.signal('SIGKILL'), END_MS_MAX);
      await exit;
      clearTimeout(late);
    }
    // Elasticsearch's launcher may be gone before what it launched.
    this.signal('SIGKILL');
  }

  private start(): ChildProcess {
    const { name, command, env, userId, restarts } = this.program;
    const log = openSync(this.logFile, 'a');
    // If we are killed, so is it: in one call, since a change of user takes that back.
    const user = userId === undefined ? [] : ['--reuid', userId, '--regid', userId, ...LOSES];
    const child = spawn('setpriv', [...user, '--pdeathsig', 'KILL', '--', ...command], {
      cwd: this.place.folder,
      // A session of its own: Ctrl-C is for us, who end it in order.
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.once('error', (error) => this.fail(error));
    child.once('exit', (status, signal) => {
      if (this.isEnding) return;
      if (restarts !== true) return this.fail(this.problem(`ended (${signal ?? status})`));
      this.place.say(`${name} ended (${signal ?? status}); it is started again`);
      setTimeout(() => {
        if (!this.isEnding) this.child = this.start();
      }, RESTART_MS);
    });
    return child;
  }

  /** To the whole process group. */
  private signal(signal: NodeJS.Signals): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // It is gone.
    }
  }

  private get logFile(): string {
    return path.join(this.place.logs, `${this.program.name}.log`);
  }

  private problem(what: string): Error {
    const end = readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
    return new Error(`${this.program.name} ${what}; the end of ${this.logFile}:\n${end}`);
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
