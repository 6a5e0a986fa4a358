/** Writes a MaxMind DB of one IPv4 network, for tests (format 2.0, 24-bit records). */

type Value = string | number | Double | readonly Value[] | { readonly [name: string]: Value };

/** A number stored as a double; plain numbers are stored as uint32. */
export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export function writeMmdb(network: string, type: string, builtAt: number, data: Value): Buffer {
  const [address = '', bits = '32'] = network.split('/');
  const nodes = Number(bits);
  const ip = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const tree = Buffer.alloc(nodes * 6);
  for (let node = 0; node < nodes; node++) {
    const bit = Math.floor(ip / 2 ** (31 - node)) % 2;
    const next = node === nodes - 1 ? nodes + 16 : node + 1;
    tree.writeUIntBE(bit === 0 ? next : nodes, node * 6, 3);
    tree.writeUIntBE(bit === 1 ? next : nodes, node * 6 + 3, 3);
  }
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: Math.floor(builtAt / 1000),
    database_type: type,
    description: { en: type },
    ip_version: 4,
    languages: ['en'],
    node_count: nodes,
    record_size: 24,
  };
  const marker = Buffer.concat([Buffer.from([0xab, 0xcd, 0xef]), Buffer.from('MaxMind.com')]);
  return Buffer.concat([tree, Buffer.alloc(16), encode(data), marker, encode(metadata)]);
}

const TYPE = { string: 2, double: 3, uint32: 6, map: 7, array: 11 } as const;

function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([control(TYPE.string, text.length), text]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(TYPE.uint32, 4), bytes]);
  }
  if (value instanceof Double) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value.value);
    return Buffer.concat([control(TYPE.double, 8), bytes]);
  }
  if (isList(value)) {
    return Buffer.concat([control(TYPE.array, value.length), ...value.map(encode)]);
  }
  const pairs = Object.entries(value);
  const parts = pairs.flatMap(([name, inner]) => [encode(name), encode(inner)]);
  return Buffer.concat([control(TYPE.map, pairs.length), ...parts]);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function control(type: number, size: number): Buffer {
  if (size > 28) throw new Error('too large for this writer');
  return type > 7 ? Buffer.from([size, type - 7]) : Buffer.from([(type << 5) | size]);
}
