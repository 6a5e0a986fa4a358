/**
 * How a group shares its partitions: evenly, and each member keeps what it has as far as that allows, because taking
 * over a partition means loading its state. kafkajs's own assigner deals all of them anew at every change.
 *
 * Each member tells what it holds, and the generation of the group in which it got it, so that a member that was
 * away cannot claim back what its successor holds. What it tells (userData): version (u8), generation (i32), count
 * (u16), partitions (u16 each), big endian.
 */
import kafkajs, {
  type Assigner,
  type Cluster,
  type GroupMember,
  type PartitionAssigner,
} from 'kafkajs';

const NAME = 'keyhound-sticky';
const VERSION = 1;
const HEADER_BYTES = 7;

export interface Holding {
  readonly generation: number;
  readonly partitions: readonly number[];
}

export interface StickyOptions {
  /** Asked at each attempt to join. */
  holding(): Holding;
}

export function stickyAssigner(options: StickyOptions): PartitionAssigner {
  return ({ cluster }: { cluster: Cluster }): Assigner => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: encodeHolding(options.holding()),
      }),
    }),
    assign: async ({ members, topics }) => {
      const shares = topics.map((topic) => {
        const partitions = cluster
          .findTopicPartitionMetadata(topic)
          .map(({ partitionId }) => partitionId);
        return { topic, share: shareOut(partitions, holdings(members)) };
      });
      return members.map(({ memberId }) => ({
        memberId,
        memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment: Object.fromEntries(
            shares.map(({ topic, share }) => [topic, share.get(memberId) ?? []]),
          ),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

function holdings(members: readonly GroupMember[]): Map<string, Holding> {
  return new Map(
    members.map(({ memberId, memberMetadata }) => {
      const decoded = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata);
      return [memberId, decodeHolding(decoded?.userData)];
    }),
  );
}

/** Partitions by member. The same for the same input, in whatever order it comes. */
export function shareOut(
  partitions: readonly number[],
  held: ReadonlyMap<string, Holding>,
): Map<string, number[]> {
  const members = [...held.keys()].sort();
  const share = new Map(members.map((member) => [member, [] as number[]]));
  if (members.length === 0) return share;
  const free = new Set([...partitions].sort((a, b) => a - b));
  const least = Math.floor(free.size / members.length);
  let larger = free.size % members.length;

  const claims = rightfulClaims(free, members, held);
  for (const member of [...members].sort((a, b) => claims.get(b)!.length - claims.get(a)!.length)) {
    const claimed = claims.get(member)!;
    const most = claimed.length > least && larger > 0 ? least + 1 : least;
    if (most > least) larger -= 1;
    for (const partition of claimed.slice(0, most)) {
      share.get(member)!.push(partition);
      free.delete(partition);
    }
  }
  for (const partition of free) {
    const fewest = members.reduce((a, b) => (share.get(b)!.length < share.get(a)!.length ? b : a));
    share.get(fewest)!.push(partition);
  }
  for (const list of share.values()) list.sort((a, b) => a - b);
  return share;
}

/** Of two that claim the same partition, the one of the later generation has it. */
function rightfulClaims(
  partitions: ReadonlySet<number>,
  members: readonly string[],
  held: ReadonlyMap<string, Holding>,
): Map<string, number[]> {
  const holder = new Map<number, string>();
  for (const member of members) {
    const { generation, partitions: claimed } = held.get(member)!;
    for (const partition of claimed) {
      const other = holder.get(partition);
      const isLater = other === undefined || generation > held.get(other)!.generation;
      if (partitions.has(partition) && isLater) holder.set(partition, member);
    }
  }
  const claims = new Map(members.map((member) => [member, [] as number[]]));
  for (const partition of partitions) {
    const member = holder.get(partition);
    if (member !== undefined) claims.get(member)!.push(partition);
  }
  return claims;
}

export function encodeHolding({ generation, partitions }: Holding): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + 2 * partitions.length);
  bytes.writeUInt8(VERSION, 0);
  bytes.writeInt32BE(generation, 1);
  bytes.writeUInt16BE(partitions.length, 5);
  for (const [at, partition] of partitions.entries()) {
    bytes.writeUInt16BE(partition, HEADER_BYTES + 2 * at);
  }
  return bytes;
}

/** What cannot be read claims nothing: another version of ours, or somebody else's program. */
export function decodeHolding(bytes: Buffer | null | undefined): Holding {
  const nothing = { generation: -1, partitions: [] };
  if (!bytes || bytes.length < HEADER_BYTES || bytes.readUInt8(0) !== VERSION) return nothing;
  const count = bytes.readUInt16BE(5);
  if (bytes.length !== HEADER_BYTES + 2 * count) return nothing;
  const partitions = Array.from({ length: count }, (_, at) =>
    bytes.readUInt16BE(HEADER_BYTES + 2 * at),
  );
  return { generation: bytes.readInt32BE(1), partitions };
}
