/** Is a server there, and does it answer? */
import { createConnection } from 'node:net';

const TIMEOUT_MS = 5000;

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** With a status below 300, and a body that the pattern fits. */
export async function answers(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  pattern = /(?:)/,
): Promise<boolean> {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return pattern.test(await answer.text()) && answer.ok;
  } catch {
    return false;
  }
}
