/**
 * Index templates: what each new daily index is made from, its alias included. Installed when missing, replaced when
 * of an older version or other settings, left alone when of a newer one: a process that was not upgraded yet must not
 * take back what its upgraded neighbour needs.
 */
import { createHash } from 'node:crypto';
import { asOperating, type Connection, reasonOf, statusOf } from './connection.ts';
import { aliasOf, KINDS, type Kind } from './documents.ts';
import { type Mapping, mappingsOf } from './mappings.ts';

/** Grows by one with every change of mappings.ts or of the settings below. Fields are added, never changed. */
export const TEMPLATE_VERSION = 3;
/** Above those that Elasticsearch brings along (logs-*-* and the like have 100). */
const PRIORITY = 500;
/** How long a document may take until searches see it. */
export const REFRESH_INTERVAL = '1s';

export interface InstalledTemplates {
  /** Aliases whose template was put. */
  readonly put: readonly string[];
  /** Aliases whose template is of a newer version than ours. */
  readonly newer: readonly string[];
  /** Indices of before that could not take the new fields, and why; new days have them all the same. */
  readonly unmigrated: readonly string[];
}

export interface TemplateState {
  readonly alias: string;
  /** Undefined where there is none. */
  readonly version: number | undefined;
  readonly fingerprint: string | undefined;
}

interface Template {
  readonly index_patterns: readonly string[];
  readonly priority: number;
  readonly version: number;
  readonly template: {
    readonly settings: Readonly<Record<string, unknown>>;
    readonly mappings: Mapping;
    readonly aliases: Readonly<Record<string, object>>;
  };
}

/** Throws `operating` when the cluster cannot be reached or refuses. */
export async function installTemplates(
  connection: Connection,
  version: number = TEMPLATE_VERSION,
): Promise<InstalledTemplates> {
  const put: string[] = [];
  const newer: string[] = [];
  const unmigrated: string[] = [];
  try {
    const states = await readTemplates(connection);
    for (const kind of KINDS) {
      const alias = aliasOf(connection.prefix, kind);
      const installed = states.find((state) => state.alias === alias);
      const template = templateOf(connection, kind, version);
      const before = installed?.version ?? -1;
      if (before > version) newer.push(alias);
      if (before > version || installed?.fingerprint === fingerprintOf(template)) continue;
      await putTemplate(connection, alias, template);
      put.push(alias);
      if (before >= 0) unmigrated.push(...(await migrate(connection, alias, template)));
    }
  } catch (error) {
    throw asOperating(error, connection);
  }
  return { put, newer, unmigrated };
}

/** What is installed, for `installTemplates` and `doctor`. */
export async function readTemplates({ client, prefix }: Connection): Promise<TemplateState[]> {
  const { index_templates } = await client.indices.getIndexTemplate(
    { name: `${prefix}-*` },
    // That is how it says that there are none.
    { ignore: [404] },
  );
  return KINDS.map((kind) => {
    const alias = aliasOf(prefix, kind);
    const found = index_templates.find(({ name }) => name === alias)?.index_template;
    const fingerprint = found?._meta?.['fingerprint'];
    return {
      alias,
      version: found === undefined ? undefined : Number(found.version ?? 0),
      fingerprint: typeof fingerprint === 'string' ? fingerprint : undefined,
    };
  });
}

function templateOf(connection: Connection, kind: Kind, version: number): Template {
  const alias = aliasOf(connection.prefix, kind);
  return {
    // Days only: a longer prefix of another installation must not match.
    index_patterns: [`${alias}-*.*.*`],
    priority: PRIORITY,
    version,
    template: {
      settings: {
        'index.number_of_shards': 1,
        'index.number_of_replicas': connection.replicas,
        'index.codec': 'best_compression',
        // Set, so that an index nobody has searched for a while is refreshed as well.
        'index.refresh_interval': REFRESH_INTERVAL,
      },
      mappings: mappingsOf(kind),
      aliases: { [alias]: {} },
    },
  };
}

function fingerprintOf(template: Template): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 16);
}

async function putTemplate(
  { client }: Connection,
  alias: string,
  template: Template,
): Promise<void> {
  const _meta = { managed_by: 'keyhound', fingerprint: fingerprintOf(template) };
  const request = (body: object) =>
    client.transport.request({
      method: 'PUT',
      path: `/_index_template/${encodeURIComponent(alias)}`,
      body: { ...body, _meta },
    });
  try {
    await request(template);
  } catch (error) {
    if (statusOf(error) !== 400) throw error;
    // OpenSearch has the same type under another name. If that was not it, the first error says more.
    const body = JSON.stringify(template).replaceAll(
      '"type":"flattened","ignore_above":1024',
      '"type":"flat_object"',
    );
    await request(JSON.parse(body) as object).catch(() => {
      throw error;
    });
  }
}

/** Gives indices of before the new fields; today's goes on being written to. Answers those that refuse. */
async function migrate(
  { client }: Connection,
  alias: string,
  { template }: Template,
): Promise<string[]> {
  const indices = Object.keys(
    await client.indices.getAlias({ name: alias, ignore_unavailable: true }, { ignore: [404] }),
  );
  const refused: string[] = [];
  for (const index of indices.filter((name) => name.startsWith(`${alias}-`))) {
    try {
      await client.transport.request({
        method: 'PUT',
        path: `/${encodeURIComponent(index)}/_mapping`,
        body: { properties: template.mappings.properties },
      });
    } catch (error) {
      if (statusOf(error) !== 400) throw error;
      refused.push(`${index}: ${reasonOf(error)}`);
    }
  }
  return refused;
}
