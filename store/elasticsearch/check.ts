/** What `doctor` asks a cluster. Changes nothing. */
import { asOperating, type Connection, statusOf } from './connection.ts';
import { readTemplates, TEMPLATE_VERSION } from './templates.ts';

/** As a line `{"type":"check"}` has it (contracts.md); a hint only with a failure. */
export interface ClusterCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly hint?: string;
}

export interface ClusterCheckOptions {
  /** Wall clock, epoch ms. */
  readonly now: () => number;
  /** state.usageMonthsMax: for how many indices there will be. */
  readonly usageMonthsMax: number;
}

const MAJORS: readonly number[] = [8, 9];
/** Findings, incidents, usage and inputs of a day. */
const INDICES_A_DAY = 4;
const DAYS_A_MONTH = 30.44;
const SKEW_MS_MAX = 5000;

/** One check after the other; nothing more is asked of a cluster that does not answer. */
export async function* checkElasticsearch(
  connection: Connection,
  options: ClusterCheckOptions,
): AsyncGenerator<ClusterCheck> {
  let nodes: readonly NodeFacts[];
  try {
    yield await checkVersion(connection);
    const askedAt = options.now();
    nodes = await readNodes(connection);
    yield checkClock(nodes, (askedAt + options.now()) / 2);
  } catch (error) {
    const { message, hint } = asOperating(error, connection);
    yield check('elasticsearch', false, message, hint ?? '');
    return;
  }
  yield checkDisks(nodes);
  yield await attempt('elasticsearch health', connection, () => checkHealth(connection));
  yield await attempt('elasticsearch templates', connection, () => checkTemplates(connection));
  yield await attempt('elasticsearch shards', connection, () => checkShards(connection, options));
}

function check(name: string, ok: boolean, detail: string, hint: string): ClusterCheck {
  return { name, ok, detail, ...(ok || hint === '' ? {} : { hint }) };
}

async function attempt(
  name: string,
  connection: Connection,
  ask: () => Promise<ClusterCheck>,
): Promise<ClusterCheck> {
  try {
    return await ask();
  } catch (error) {
    const { message, hint } = asOperating(error, connection);
    return check(name, false, message, hint ?? '');
  }
}

function ask<T>({ client }: Connection, path: string): Promise<T> {
  return client.transport.request<T>({ method: 'GET', path });
}

interface Root {
  readonly version?: { readonly number?: string; readonly distribution?: string };
}

async function checkVersion(connection: Connection): Promise<ClusterCheck> {
  const { number, product } = await readVersion(connection);
  const ok = product === 'OpenSearch' || MAJORS.includes(Number(number.split('.')[0]));
  return check(
    'elasticsearch',
    ok,
    `${product} ${number} at ${connection.hosts}`,
    `Elasticsearch ${MAJORS.join(' or ')} is needed.`,
  );
}

async function readVersion(
  connection: Connection,
): Promise<{ readonly number: string; readonly product: string }> {
  try {
    const { version } = await ask<Root>(connection, '/');
    const product = version?.distribution === 'opensearch' ? 'OpenSearch' : 'Elasticsearch';
    return { number: version?.number ?? 'of unknown version', product };
  } catch (error) {
    // Some distributions, and proxies in front, do not answer this one.
    if (statusOf(error) !== 405 && statusOf(error) !== 404) throw error;
    const path = '/_nodes/http?filter_path=nodes.*.version';
    const { nodes } = await ask<{ nodes: Record<string, { version: string }> }>(connection, path);
    return { number: Object.values(nodes)[0]?.version ?? '', product: 'Elasticsearch' };
  }
}

interface NodeFacts {
  readonly name: string;
  readonly timestamp: number;
  readonly fs?: {
    readonly data?: readonly {
      readonly available_in_bytes?: number;
      readonly total_in_bytes?: number;
      /** From Elasticsearch 8 on: what has to stay free. */
      readonly low_watermark_free_space_in_bytes?: number;
      readonly flood_stage_free_space_in_bytes?: number;
    }[];
  };
}

async function readNodes(connection: Connection): Promise<readonly NodeFacts[]> {
  const path = '/_nodes/stats/fs?filter_path=nodes.*.name,nodes.*.timestamp,nodes.*.fs.data';
  const { nodes } = await ask<{ nodes: Record<string, NodeFacts> }>(connection, path);
  return Object.values(nodes);
}

/** Elasticsearch sends no Date header: each node says its time with its statistics. */
function checkClock(nodes: readonly NodeFacts[], now: number): ClusterCheck {
  const skews = nodes.map(({ name, timestamp }) => ({ name, ms: Math.round(timestamp - now) }));
  const worst = skews.reduce((a, b) => (Math.abs(b.ms) > Math.abs(a.ms) ? b : a));
  const side = worst.ms < 0 ? 'behind' : 'ahead of';
  return check(
    'elasticsearch clock',
    Math.abs(worst.ms) <= SKEW_MS_MAX,
    `${worst.name} is ${Math.abs(worst.ms)} ms ${side} this machine`,
    'Let both set their clocks by NTP: "the last hour" of Kibana is another than ours.',
  );
}

const GIB = 2 ** 30;
/** Used share of a disk from which on nothing new is put there, where the node does not say what must stay free. */
const LOW_SHARE = 0.85;
const FLOOD_SHARE = 0.95;

function checkDisks(nodes: readonly NodeFacts[]): ClusterCheck {
  const disks = nodes.flatMap(({ name, fs }) =>
    (fs?.data ?? []).map((disk) => {
      const free = disk.available_in_bytes ?? 0;
      const total = disk.total_in_bytes ?? 0;
      const low = disk.low_watermark_free_space_in_bytes ?? total * (1 - LOW_SHARE);
      const flood = disk.flood_stage_free_space_in_bytes ?? total * (1 - FLOOD_SHARE);
      return { name, free, low, flood };
    }),
  );
  const least = disks.sort((a, b) => a.free - a.low - (b.free - b.low))[0];
  if (least === undefined) return check('elasticsearch disk', true, 'no node says', '');
  const { name, free, low, flood } = least;
  const stage = free < flood ? 'flood-stage' : 'low';
  return check(
    'elasticsearch disk',
    free >= low,
    `${name} has ${gib(free)} free, ${gib(free < flood ? flood : low)} is its ${stage} watermark`,
    stage === 'low'
      ? 'Free some space: below it no new shard is put there.'
      : 'Free some space: its indices take no more documents, and ours wait.',
  );
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

interface Health {
  readonly status: string;
  readonly number_of_data_nodes: number;
  readonly unassigned_shards: number;
}

async function checkHealth(connection: Connection): Promise<ClusterCheck> {
  const health = await ask<Health>(connection, '/_cluster/health');
  const nodes = health.number_of_data_nodes;
  return check(
    'elasticsearch health',
    health.status === 'green',
    `${health.status}, ${counted(nodes, 'data node')}, ${counted(health.unassigned_shards, 'shard')} unassigned`,
    nodes <= connection.replicas
      ? `More copies than nodes: set elasticsearch.replicas to ${nodes - 1}, or add a node.`
      : 'See its own log, or GET _cluster/allocation/explain.',
  );
}

async function checkTemplates(connection: Connection): Promise<ClusterCheck> {
  const states = await readTemplates(connection);
  const missing = states.filter(({ version }) => version === undefined);
  const newer = states.filter(({ version }) => (version ?? 0) > TEMPLATE_VERSION);
  const older = states.filter(({ version }) => (version ?? TEMPLATE_VERSION) < TEMPLATE_VERSION);
  if (missing.length === states.length) {
    return check('elasticsearch templates', true, 'none yet: the first write installs them', '');
  }
  const words = [
    `version ${TEMPLATE_VERSION}`,
    ...(missing.length > 0 ? [`${missing.length} missing`] : []),
    ...(older.length > 0 ? [`${older.length} older`] : []),
    ...(newer.length > 0 ? [`${newer.length} newer`] : []),
  ];
  return check(
    'elasticsearch templates',
    newer.length === 0,
    words.join(', '),
    'A newer version of Keyhound writes here too: bring this one up to date.',
  );
}

interface Settings {
  readonly [level: string]: { readonly cluster?: { readonly max_shards_per_node?: string } };
}

/** The daily indices of 13 months are more shards than one node may have as it comes. */
async function checkShards(
  connection: Connection,
  { usageMonthsMax }: ClusterCheckOptions,
): Promise<ClusterCheck> {
  const path = '/_cluster/settings?include_defaults=true&filter_path=*.cluster.max_shards_per_node';
  const settings = await ask<Settings>(connection, path);
  const health = await ask<Health & { active_shards: number }>(connection, '/_cluster/health');
  const perNode = ['transient', 'persistent', 'defaults']
    .map((level) => settings[level]?.cluster?.max_shards_per_node)
    .find((value) => value !== undefined);
  const most = Number(perNode ?? 1000) * health.number_of_data_nodes;
  const days = Math.ceil(usageMonthsMax * DAYS_A_MONTH);
  const needed = days * INDICES_A_DAY * (1 + connection.replicas);
  return check(
    'elasticsearch shards',
    needed <= most,
    `${health.active_shards} of at most ${most} shards; ${days} days of ours are up to ${needed}`,
    `Set cluster.max_shards_per_node to ${Math.ceil((needed * 1.25) / health.number_of_data_nodes)} or more, ` +
      'or keep fewer months (state.usageMonthsMax): at its limit the cluster takes no new day.',
  );
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
