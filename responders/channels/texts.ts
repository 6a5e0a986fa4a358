/** What channels have in common about texts: attackers' words are in them (design.md §4.9). */
import { createHash } from 'node:crypto';
import type { Alert } from '../../core/alert.ts';
import { forTerminal } from '../../core/escape.ts';
import type { SubjectName } from '../../core/finding.ts';

/** Without control, bidi and invisible characters, at most so many UTF-16 units; one that was cut ends in `…`. */
export function clip(text: string, lengthMax: number): string {
  return forTerminal(cut(text, lengthMax));
}

/** The same with its lines kept. */
export function clipLines(text: string, lengthMax: number): string {
  return cut(text, lengthMax).split(/\r?\n/).map(forTerminal).join('\n');
}

/** Before it is looked at: a title of megabytes costs no more than a short one. */
function cut(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`;
}

/** Names come from gateways and registries: others' text too. */
export function clipName({ kind, id, label }: SubjectName): SubjectName {
  return { kind, id: clip(id, 200), ...(label === undefined ? {} : { label: clip(label, 100) }) };
}

/** `[HIGH]`, `[RESOLVED]`. */
export function markOf({ state, severity, kind }: Alert): string {
  if (state === 'resolved') return 'RESOLVED';
  if (kind === 'test' || kind === 'heartbeat' || severity === 'none') return kind.toUpperCase();
  return severity.toUpperCase();
}

/** The same for the same content: what a receiver tells repeats by. */
export function messageId(channel: string, alerts: readonly Alert[], more: number): string {
  const parts = alerts.map(({ id, revision, state }) => [id, revision, state]);
  const hash = createHash('sha256').update(JSON.stringify([channel, parts, more]));
  return `msg_${hash.digest('hex').slice(0, 27)}`;
}

export function andMore(more: number): string {
  return `and ${more.toLocaleString('en-GB')} more`;
}
