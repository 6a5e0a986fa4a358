/** Pre-images of credentials that a gateway can only delete: sealed before, opened to restore, wiped after. */
import { createHash } from 'node:crypto';
import { KeyhoundError } from '../../core/errors.ts';
import type { GatewayTools, KeyTarget } from '../../core/gateway.ts';

export interface SealedKeys {
  /** Durable when it resolves. */
  keep(target: KeyTarget, preImage: unknown, untilAt: number | null): Promise<void>;
  /** A later decision wants it kept for longer. Nothing where nothing was sealed. */
  extend(target: KeyTarget, untilAt: number | null): Promise<void>;
  /** Throws `seal-missing` when there is none. */
  take(target: KeyTarget): Promise<unknown>;
  wipe(target: KeyTarget): Promise<void>;
}

/**
 * Puts a credential back. An answer that was lost is asked for: what is back needs no second try, and its seal can go.
 */
export async function putBack(
  put: () => Promise<void>,
  isBack: () => Promise<boolean>,
): Promise<void> {
  try {
    await put();
  } catch (error) {
    if (!(error instanceof KeyhoundError) || !error.retryable) throw error;
    if (!(await isBack().catch(() => false))) throw error;
  }
}

export function sealedKeys({ name, seals }: Pick<GatewayTools, 'name' | 'seals'>): SealedKeys {
  const nameOf = ({ subjectId }: KeyTarget): string => {
    const digest = createHash('sha256')
      .update(JSON.stringify([name, subjectId]))
      .digest('hex');
    return `key-${digest.slice(0, 40)}`;
  };
  return {
    keep: (target, preImage, untilAt) =>
      seals.seal(nameOf(target), Buffer.from(JSON.stringify(preImage)), untilAt),
    extend: async (target, untilAt) => {
      const secret = await seals.open(nameOf(target));
      if (secret !== undefined) await seals.seal(nameOf(target), secret, untilAt);
    },
    take: async (target) => {
      const secret = await seals.open(nameOf(target));
      if (secret !== undefined) return JSON.parse(Buffer.from(secret).toString('utf8'));
      throw new KeyhoundError(
        'operating',
        `${name}: ${target.subjectId} was deleted there, and what was kept to restore it is gone`,
        {
          code: 'seal-missing',
          hint: 'Make the key again at the gateway, under the same id, from its owner’s copy.',
        },
      );
    },
    wipe: (target) => seals.wipe(nameOf(target)),
  };
}
