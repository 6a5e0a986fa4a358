/**
 * Contract of the link between roles in the distributed form: topics cut into partitions, each one ordered log of
 * messages. Driver: store/kafka. The broker distributes partitions over processes; how far a partition has been
 * applied is for its owner to know (it is saved with the state), the broker is only told for its figures on lag.
 */

export interface LogMessage {
  readonly key: Uint8Array | null;
  /** Empty: also what the tombstone of a compacted topic is received as. */
  readonly value: Uint8Array;
}

export interface ReceivedMessage extends LogMessage {
  /** Grows within a partition; there may be holes. */
  readonly offset: number;
  /** When the broker or the producer stamped it, epoch ms. */
  readonly timestamp: number;
}

export interface LogProducer {
  /**
   * Appends to one partition of a topic, in the order of calls. Resolves when every replica in sync has it; a
   * retry never doubles or reorders. Rejects with a KeyhoundError of kind `operating` when the brokers stay away.
   */
  send(topic: string, partition: number, messages: readonly LogMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** What a process does with the partitions that the broker gives it. */
export interface PartitionOwner {
  /**
   * A partition was assigned: claim its state, and answer where to go on. Retried when it rejects, unless with a
   * programmer's error. A partition that stays with the process when the group changes is not opened again.
   */
  open(partition: number): Promise<OwnedPartition>;
}

export interface OwnedPartition {
  /**
   * Offset of the first message to deliver; `earliest` where nothing is saved yet. An offset that the topic has no
   * more, or not yet, ends the consumer with code `offset-out-of-range`: it is never replaced by another.
   */
  readonly nextOffset: number | 'earliest';
  /**
   * Applies messages in order, at most 500 or about 128 KiB. May take its time (the driver keeps the membership alive,
   * buffers a bounded number of messages and then stops fetching this partition alone). Not called again before it has
   * settled. Rejecting with code `fenced` means that somebody else owns the state: the partition is given up.
   * Any other rejection ends the consumer, and `close` is not called: the state may be half applied.
   */
  apply(messages: readonly ReceivedMessage[]): Promise<void>;
  /** Everything below this offset is applied and saved: told to the broker, for lag. */
  savedOffset(): number;
  /** The partition is to be let go: a running `apply` that waits for others should reject, with code `fenced`. */
  interrupt?(): void;
  /** The partition is someone else's from now on, or the process ends: save if still owner, and let go. */
  close(): Promise<void>;
}

export interface PartitionLag {
  readonly partition: number;
  /** Offset of the first message that is not applied, or being applied with others at this moment. */
  readonly position: number;
  /** Offset after the last message in the log. */
  readonly end: number;
}

/** A membership in a consumer group. */
export interface PartitionConsumer {
  /** Of the partitions owned at this moment. */
  lag(): readonly PartitionLag[];
  /** Undefined while all is well; else what is wrong, in words: no assignment, brokers away, stalled. */
  trouble(): string | undefined;
  /** Settles when the consumer can go on no more; the process should end, so that its supervisor restarts it. */
  readonly failed: Promise<Error>;
  /** Closes all owned partitions, and leaves the group. */
  close(): Promise<void>;
}

/** Follows a whole topic of one partition, for itself alone and in no group. */
export interface LogFollower {
  /** Goes on from another offset. */
  seek(offset: number): void;
  /** Has read up to what was the end of the log when it began. Stays open if it fails before. */
  readonly caughtUp: Promise<void>;
  /** Undefined while all is well; else what is wrong, in words. */
  trouble(): string | undefined;
  /** As of a PartitionConsumer. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}
