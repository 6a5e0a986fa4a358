/** Control records as messages: of the topic of events, in a batch of their own, and of the topic of controls. */
import type { LogMessage } from '../../core/broker.ts';
import type { RuleChange } from '../../core/control.ts';
import type { ControlRecord } from '../../core/store.ts';
import type { WireControl } from '../../core/wire/layout.ts';
import { EventBatchWriter } from '../../core/wire/writer.ts';

/** A batch of one record and of no stream. */
export function batchOf(record: ControlRecord): Uint8Array {
  const writer = new EventBatchWriter();
  const { sequence, ...body } = record;
  writer.addControl({ sequence, body: Buffer.from(JSON.stringify(body)) });
  return writer.take()!;
}

/** Undefined when it is none. */
export function recordOf({ sequence, body }: WireControl): ControlRecord | undefined {
  try {
    const said = JSON.parse(Buffer.from(body).toString('utf8')) as Omit<ControlRecord, 'sequence'>;
    const { kind, at, body: change } = said;
    const isWhole = typeof kind === 'string' && Number.isFinite(at) && typeof change === 'object';
    return isWhole && change !== null ? { sequence, at, kind, body: change } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The latest value of what a record is about: of a rule, whether it holds; of closings, which was the last (what they
 * closed is no concern of a new reader).
 */
export function latestOf(record: ControlRecord): LogMessage {
  const { kind, body } = record;
  const isRule = kind === 'silence' || kind === 'allow';
  const value = isRule ? record : { ...record, body: {} };
  const key = isRule ? ruleIdOf(body as unknown as RuleChange) : kind;
  return { key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) };
}

export function ruleIdOf(change: RuleChange): string {
  return change.change === 'add' ? change.rule.id : change.id;
}
