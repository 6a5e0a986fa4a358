/** Sealed credentials in Redis, where whichever process responds finds them: encrypted before they come here. */
import type { SealStore } from '../../../core/seal.ts';
import type { RedisLink } from '../connection.ts';
import { createRegister } from './register.ts';

interface Sealed {
  readonly name: string;
  readonly base64: string;
}

export function createSealStore(link: RedisLink, prefix: string): SealStore {
  const register = createRegister<Sealed>(link, prefix, 'seals', false);
  return {
    put: (name, sealed) =>
      register.write(name, { name, base64: Buffer.from(sealed).toString('base64') }),
    async get(name) {
      const kept = await register.read(name);
      return kept === undefined ? undefined : new Uint8Array(Buffer.from(kept.base64, 'base64'));
    },
    remove: (name) => register.write(name, undefined),
    names: async () => (await register.all()).map(({ name }) => name).sort(),
  };
}
