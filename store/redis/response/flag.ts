/** One value that processes share, e.g. the kill switch. */
import type { RedisLink } from '../connection.ts';
import { createRegister } from './register.ts';

export interface Flag<V> {
  read(): Promise<V | undefined>;
  /** `undefined` takes it away. */
  write(value: V | undefined): Promise<void>;
}

export function createFlag<V>(link: RedisLink, prefix: string, name: string): Flag<V> {
  const register = createRegister<V>(link, prefix, 'flags', false);
  return { read: () => register.read(name), write: (value) => register.write(name, value) };
}
