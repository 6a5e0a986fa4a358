/**
 * HAProxy's runtime API: one command a connection, over a unix or TCP socket.
 *
 *   get map F K      type=…, found=yes, …, key="K", value="V", type="str"   |   type=…, found=no
 *   show map F       0xADDRESS K V, a line each
 *   add map F K V    (empty)          twice makes two entries
 *   set map F K V    (empty)   |   entry not found.
 *   del map F K      (empty)   |   Key not found.        removes all entries of the key
 *   any              Unknown map identifier. …   |   Permission denied
 */
import { connect } from 'node:net';
import { KeyhoundError } from '../../core/errors.ts';

/** Answers of `show map` grow with the map. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

export interface MapLine {
  readonly key: string;
  readonly value: string;
}

export class HaproxyNode {
  /** As configured: a path, or HOST:PORT. */
  readonly socket: string;
  readonly #gateway: string;
  readonly #timeoutMs: number;

  constructor(socket: string, gateway: string, timeoutMs: number) {
    this.socket = socket;
    this.#gateway = gateway;
    this.#timeoutMs = timeoutMs;
  }

  /** Undefined: the map has no such key. */
  async value(map: string, key: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#ask(`get map ${map} ${key}`, signal);
    const match = /\bfound=(yes|no)\b(?:.*, value="([^"]*)")?/.exec(answer);
    if (match === null) throw this.#refused(answer);
    return match[1] === 'yes' ? (match[2] ?? '') : undefined;
  }

  /** `add map` alone would make a second entry. */
  async setValue(map: string, key: string, value: string, signal: AbortSignal): Promise<void> {
    const present = await this.value(map, key, signal);
    if (present === value) return;
    const verb = present === undefined ? 'add' : 'set';
    await this.#tell(`${verb} map ${map} ${key} ${value}`, '', signal);
  }

  async remove(map: string, key: string, signal: AbortSignal): Promise<void> {
    await this.#tell(`del map ${map} ${key}`, 'Key not found.', signal);
  }

  async lines(map: string, signal: AbortSignal): Promise<MapLine[]> {
    const answer = await this.#ask(`show map ${map}`, signal);
    const lines = answer.split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const match = /^0x[0-9a-f]+ (\S+) (.*)$/.exec(line);
      if (match === null) throw this.#refused(answer);
      return { key: match[1]!, value: match[2]! };
    });
  }

  version(signal: AbortSignal): Promise<string> {
    return this.#ask('show version', signal);
  }

  async #tell(command: string, harmless: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#ask(command, signal);
    if (answer !== '' && answer !== harmless) throw this.#refused(answer);
  }

  #ask(command: string, signal: AbortSignal): Promise<string> {
    const colon = this.socket.lastIndexOf(':');
    const target = this.socket.startsWith('/')
      ? { path: this.socket }
      : { host: this.socket.slice(0, colon), port: Number(this.socket.slice(colon + 1)) };
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const chunks: Buffer[] = [];
    let bytes = 0;
    const both = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]);
    const client = connect({ ...target, signal: both });
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) client.destroy(new Error('too much'));
      else chunks.push(chunk);
    });
    client.once('end', () => {
      // Even what has nothing to say ends in a line.
      if (bytes === 0) reject(this.#unreachable('cut off'));
      else resolve(Buffer.concat(chunks).toString('utf8').trim());
    });
    client.once('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason);
      else reject(both.aborted ? this.#late() : this.#unreachable(error.code ?? 'cut off'));
    });
    // Half-closing tells HAProxy that there is no further command.
    client.end(`${command}\n`);
    return promise;
  }

  #late(): KeyhoundError {
    const late = `no answer within ${this.#timeoutMs} ms`;
    const message = `gateway ${this.#gateway}: HAProxy at ${this.socket}: ${late}`;
    return new KeyhoundError('operating', message, { code: 'gateway-timeout', retryable: true });
  }

  #unreachable(reason: string): KeyhoundError {
    const message = `gateway ${this.#gateway}: HAProxy at ${this.socket} cannot be reached (${reason})`;
    return new KeyhoundError('operating', message, {
      code: 'gateway-unreachable',
      hint: 'A `stats socket … level admin` in its `global` section, which this user may write to.',
      retryable: true,
    });
  }

  #refused(answer: string): KeyhoundError {
    const message = `gateway ${this.#gateway}: HAProxy at ${this.socket} refused`;
    return new KeyhoundError('operating', message, {
      code: answer.startsWith('Permission denied') ? 'gateway-refused' : 'gateway-rejected',
      hint: answer.replaceAll(/\s+/g, ' ').slice(0, 200),
    });
  }
}
