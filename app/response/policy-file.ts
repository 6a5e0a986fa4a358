/** The policy file in force: read anew when it has changed. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_POLICY, type Policy } from '../../responders/policy.ts';
import { loadPolicy } from '../policy-file.ts';

export { diffPolicies } from '../../responders/policy-diff.ts';
export {
  loadPolicy as readPolicyFile,
  readPolicy as readPolicyText,
  textOf,
} from '../policy-file.ts';

export interface PolicySource {
  /** Absolute; undefined: built in. */
  readonly file: string | undefined;
  read(): Policy;
  /** Whether the file is another one than when it was asked last. */
  hasChanged(): boolean;
}

export function policySource(configured: string | undefined, folder: string): PolicySource {
  if (configured === undefined) {
    return { file: undefined, read: () => DEFAULT_POLICY, hasChanged: () => false };
  }
  const file = path.resolve(folder, configured);
  let stamp = stampOf(file);
  return {
    file,
    read: () => loadPolicy(file),
    hasChanged() {
      const now = stampOf(file);
      const changed = now !== stamp;
      stamp = now;
      return changed;
    },
  };
}

function stampOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeNs}`;
}
