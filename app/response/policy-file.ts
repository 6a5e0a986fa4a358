/** The policy file: read whole or not at all, all faults at once, and read anew when it has changed. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { KeyhoundError } from '../../core/errors.ts';
import { ALL_DETECTORS } from '../../detectors/list.ts';
import {
  DEFAULT_POLICY,
  type Policy,
  policyFaults,
  resolvePolicy,
} from '../../responders/policy.ts';
import { policySchema } from '../../responders/policy-schema.ts';
import { joinPath, readDocument } from '../config/document.ts';
import { faultsOf } from '../config/faults.ts';
import type { JsonSchema } from '../config/schema.ts';
import { faultInWords } from '../config.ts';
import type { ConfigFault } from '../contract.ts';

export interface PolicyReading {
  /** Undefined when there are faults. */
  readonly policy: Policy | undefined;
  readonly faults: readonly ConfigFault[];
}

/** Faults by place and line; nothing of the file is used when there is one. */
export function readPolicyText(text: string): PolicyReading {
  // Nothing is filled in: what is to be done must stand in the file that was reviewed.
  const document = readDocument({ text, env: {}, folder: '.' });
  if (document.faults.length > 0) return { policy: undefined, faults: document.faults };
  const parsed = policySchema.safeParse(document.value);
  if (!parsed.success) {
    const schema = z.toJSONSchema(policySchema, { io: 'input' }) as JsonSchema;
    return { policy: undefined, faults: faultsOf(parsed.error.issues, [], document, schema) };
  }
  const detectors = ALL_DETECTORS.map(({ id }) => id);
  const faults = policyFaults(parsed.data, detectors).map(({ path: at, message, hint }) => ({
    path: joinPath(at),
    line: document.line(at),
    message,
    hint,
  }));
  return { policy: faults.length === 0 ? resolvePolicy(parsed.data) : undefined, faults };
}

/** Throws `usage` with code `policy-unreadable` or, listing every fault, `policy-invalid`. */
export function readPolicyFile(file: string): Policy {
  const { policy, faults } = readPolicyText(textOf(file));
  if (policy !== undefined) return policy;
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  const lines = faults.map((fault) => `  ${faultInWords(fault)}`);
  throw new KeyhoundError('usage', [`${file}: ${count}`, ...lines].join('\n'), {
    code: 'policy-invalid',
    hint: 'docs/policy.md has every setting. What was in force stays in force.',
  });
}

export function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new KeyhoundError('usage', `policy ${file} cannot be read (${reason})`, {
      code: 'policy-unreadable',
      hint: 'Check the path under `policy` in the configuration, and who may read it.',
    });
  }
}

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
    read: () => readPolicyFile(file),
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

export { diffPolicies } from '../../responders/policy-diff.ts';
