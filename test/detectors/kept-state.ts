/** A store in memory: takes checkpoints, and gives back what a restart would load. */
import type { Checkpoint, LoadedState, SubjectRow } from '../../core/store.ts';

export class KeptState {
  private meta: LoadedState['meta'] = {};
  private readonly streams = new Map<string, LoadedState['streams'][number]>();
  private readonly groups = new Map<string, LoadedState['groups'][number]>();
  private readonly subjects = new Map<string, SubjectRow>();
  private readonly open = new Map<string, LoadedState['open'][number]>();
  /** By finding. */
  readonly inputs = new Map<string, Checkpoint['inputs'][number]>();

  constructor(from?: LoadedState) {
    if (from === undefined) return;
    this.meta = from.meta;
    for (const row of from.streams) this.streams.set(row.stream, row);
    for (const row of from.groups) this.groups.set(`${row.group} ${row.part}`, row);
    for (const row of from.subjects) this.subjects.set(hex(row.digest), row);
    for (const row of from.open) this.open.set(hex(row.digest), row);
  }

  take(checkpoint: Omit<Checkpoint, 'deadLetters'>): void {
    // A value left out is as it was.
    this.meta = { ...this.meta, ...JSON.parse(JSON.stringify(checkpoint.meta)) };
    for (const row of checkpoint.streams) this.streams.set(row.stream, row);
    for (const { group, part } of checkpoint.removedGroupParts)
      this.groups.delete(`${group} ${part}`);
    for (const row of checkpoint.groups) this.groups.set(`${row.group} ${row.part}`, row);
    for (const digest of checkpoint.removedSubjects) this.subjects.delete(hex(digest));
    for (const row of checkpoint.subjects) this.subjects.set(hex(row.digest), row);
    for (const { digest, body } of checkpoint.open) {
      if (body === null) this.open.delete(hex(digest));
      else this.open.set(hex(digest), { digest, body });
    }
    for (const row of checkpoint.inputs) this.inputs.set(row.findingId, row);
  }

  load(): LoadedState {
    return {
      meta: this.meta,
      streams: [...this.streams.values()],
      groups: [...this.groups.values()],
      subjects: [...this.subjects.values()],
      open: [...this.open.values()],
    };
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
