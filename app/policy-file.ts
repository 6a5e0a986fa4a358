/** Reads the policy file: all faults at once, each with its line. A policy with a fault is not used at all. */
import { readFileSync } from 'node:fs';
import { KeyhoundError } from '../core/errors.ts';
import { ALL_DETECTORS } from '../detectors/list.ts';
import { DEFAULT_POLICY, type Policy, policyFaults, resolvePolicy } from '../responders/policy.ts';
import { policySchema } from '../responders/policy-schema.ts';
import { joinPath, readDocument } from './config/document.ts';
import { faultsOf } from './config/faults.ts';
import { toJson } from './config/schema.ts';
import { faultInWords } from './config.ts';
import type { ConfigFault } from './contract.ts';

export interface PolicyReading {
  /** Undefined when there are faults. */
  readonly policy: Policy | undefined;
  readonly faults: readonly ConfigFault[];
}

/** Nothing is filled in from outside: what is to be done must stand in the file that was reviewed. */
export function readPolicy(text: string): PolicyReading {
  const document = readDocument({ text, env: {}, folder: '' });
  if (document.faults.length > 0) return { policy: undefined, faults: document.faults };
  const parsed = policySchema.safeParse(document.value);
  if (!parsed.success) {
    const faults = faultsOf(parsed.error.issues, [], document, toJson(policySchema));
    return { policy: undefined, faults: inOrder(faults) };
  }
  const ids = ALL_DETECTORS.map(({ id }) => id);
  const faults = policyFaults(parsed.data, ids).map(({ path, message, hint }) => ({
    path: joinPath(path),
    line: document.line(path),
    message,
    hint,
  }));
  return faults.length > 0
    ? { policy: undefined, faults: inOrder(faults) }
    : { policy: resolvePolicy(parsed.data), faults: [] };
}

/** Undefined: no policy file, which observes. Throws a usage error that lists every fault. */
export function loadPolicy(path: string | undefined): Policy {
  if (path === undefined) return DEFAULT_POLICY;
  const { policy, faults } = readPolicy(textOf(path));
  if (policy !== undefined) return policy;
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  const lines = faults.map((fault) => `  ${faultInWords(fault)}`);
  throw new KeyhoundError('usage', [`${path}: ${count}`, ...lines].join('\n'), {
    code: 'policy-invalid',
    hint: 'docs/policy.md has every setting. What was in force stays in force.',
  });
}

export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new KeyhoundError('usage', `policy ${path} cannot be read (${code})`, {
      code: 'policy-unreadable',
      hint: 'Check the path, `policy:` in the configuration, and who may read it.',
    });
  }
}

function inOrder(faults: readonly ConfigFault[]): ConfigFault[] {
  return [...faults].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
