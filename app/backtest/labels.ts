/** Who was attacked when, as `npm run traffic -- --labels FILE` writes it: one JSON object a line. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { KeyhoundError } from '../../core/errors.ts';

const labelSchema = z.looseObject({
  subject: z.string().optional(),
  keyLabel: z.string().optional(),
  kind: z.string().default('attack'),
  fromAt: z.iso.datetime({ offset: true }),
  toAt: z.iso.datetime({ offset: true }),
});

/** An action so long after an attack is still about it. */
const AFTER_MS = 3_600_000;

export interface AttackLabel {
  /** Id or label of the key; of a network or consumer where that was attacked: no key has that name. */
  readonly name: string;
  readonly kind: string;
  /** Epoch ms. */
  readonly fromAt: number;
  readonly toAt: number;
}

export class Labels {
  readonly all: readonly AttackLabel[];
  private readonly byName = new Map<string, AttackLabel[]>();

  constructor(all: readonly AttackLabel[]) {
    this.all = all;
    for (const label of all) {
      this.byName.set(label.name, [...(this.byName.get(label.name) ?? []), label]);
    }
  }

  /** Labels of a key, by its id or its label in the registry. */
  of(id: string, label?: string): readonly AttackLabel[] {
    const own = this.byName.get(id) ?? [];
    return label === undefined ? own : [...own, ...(this.byName.get(label) ?? [])];
  }
}

export function isAttacked(labels: readonly AttackLabel[], at: number): boolean {
  return labels.some(({ fromAt, toAt }) => at >= fromAt && at <= toAt);
}

/** The attack that an action at that instant is about. */
export function attackOf(labels: readonly AttackLabel[], at: number): AttackLabel | undefined {
  return labels.find(({ fromAt, toAt }) => at >= fromAt && at <= toAt + AFTER_MS);
}

/** Throws `usage` when the file cannot be read, or a line of it is no label. */
export function readLabels(path: string): Labels {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new KeyhoundError('usage', `labels ${path} cannot be read (${code})`, {
      code: 'labels-unreadable',
      hint: 'Check the path and its permissions.',
    });
  }
  const lines = text.split('\n');
  return new Labels(
    lines.flatMap((line, i) => (line.trim() === '' ? [] : [labelOf(line, path, i)])),
  );
}

function labelOf(line: string, path: string, index: number): AttackLabel {
  const parsed = labelSchema.safeParse(jsonOf(line));
  const name = parsed.success ? (parsed.data.subject ?? parsed.data.keyLabel) : undefined;
  if (!parsed.success || name === undefined) {
    throw new KeyhoundError('usage', `${path}: line ${index + 1} is no label`, {
      code: 'labels-invalid',
      hint: 'One JSON object a line: {"subject" or "keyLabel", "kind", "fromAt", "toAt"}.',
    });
  }
  const { kind, fromAt, toAt } = parsed.data;
  return { name, kind, fromAt: Date.parse(fromAt), toAt: Date.parse(toAt) };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
