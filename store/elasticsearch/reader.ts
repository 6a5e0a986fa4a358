/**
 * Reading: what SQLite answers for the same rows, from the aliases. Near real time: a document is seen by these when
 * its index has been refreshed, at most REFRESH_INTERVAL after it was written.
 */
import type { estypes } from '@elastic/elasticsearch';
import { type Finding, type FindingInputs, type Incident, SEVERITIES } from '../../core/finding.ts';
import type { IncidentFilter, ResultStore, UsageRow } from '../../core/store.ts';
import { asOperating, type Connection } from './connection.ts';
import { aliasOf, digestText, inputsOf, type Kind, type Stored, usageOf } from './documents.ts';

/** Incidents answered when the filter names no limit. */
const INCIDENTS_DEFAULT = 100;
/** Documents of one answer. Below the 10,000 that an index answers at most. */
const PAGE = 2000;

/** Closes the connection with itself. */
export function createResultReader(connection: Connection): ResultStore {
  const search = <Row>(kind: Kind, query: Query) => searchAll<Row>(connection, kind, query);
  const byIds = <Row>(kind: Kind, ids: readonly string[]) =>
    search<Row>(kind, { query: { ids: { values: [...ids] } }, sort: BY_ID, limit: ids.length });
  return {
    incidents: (filter: IncidentFilter) => search<Incident>('incident', incidentQuery(filter)),
    async incident(id: string) {
      return (await byIds<Incident>('incident', [id]))[0];
    },
    async findings(ids: readonly string[]) {
      const found = new Map<string, Finding>();
      for (let at = 0; at < ids.length; at += PAGE) {
        const some = await byIds<Finding>('finding', ids.slice(at, at + PAGE));
        for (const finding of some) found.set(finding.id, finding);
      }
      return ids.flatMap((id) => found.get(id) ?? []);
    },
    async findingInputs(id: string) {
      const [row] = await byIds<Stored<FindingInputs, 'record' | 'event'>>('inputs', [id]);
      return row === undefined ? undefined : inputsOf(row);
    },
    async usage(digest: Uint8Array, sinceAt: number) {
      const since = {
        range: { 'keyhound.hourAt': { gte: Math.ceil(sinceAt), format: 'epoch_millis' } },
      };
      const filter = [{ term: { 'keyhound.digest': digestText(digest) } }, since];
      const rows = await search<Stored<UsageRow, 'digest'>>('usage', {
        query: { bool: { filter } },
        sort: [{ 'keyhound.hourAt': 'asc' }],
        limit: Number.POSITIVE_INFINITY,
      });
      return rows.map(usageOf);
    },
    close: () => connection.close(),
  };
}

type Clause = NonNullable<estypes.SearchRequest['query']>;

interface Query {
  readonly query: Clause;
  /** A total order: pages go on behind the last document of the one before. */
  readonly sort: estypes.SortCombinations[];
  readonly limit: number;
}

/** Pages are of one document each id; nobody asks for their order. */
const BY_ID: estypes.SortCombinations[] = [{ '@timestamp': 'asc' }];

/** `severity` means that severity or a worse one; the latest change comes first. */
export function incidentQuery(filter: IncidentFilter): Query {
  const clauses: Clause[] = [];
  if (filter.subjectId !== undefined) {
    clauses.push({ term: { 'keyhound.subject.id': filter.subjectId } });
  }
  if (filter.severity !== undefined) {
    const severities = SEVERITIES.slice(SEVERITIES.indexOf(filter.severity));
    clauses.push({ terms: { 'keyhound.severity': severities } });
  }
  if (filter.sinceAt !== undefined) {
    const gte = Math.ceil(filter.sinceAt);
    clauses.push({ range: { 'keyhound.updatedAt': { gte, format: 'epoch_millis' } } });
  }
  if (filter.open !== undefined) {
    const closed = { exists: { field: 'keyhound.closedAt' } };
    clauses.push(filter.open ? { bool: { must_not: [closed] } } : closed);
  }
  return {
    query: { bool: { filter: clauses } },
    sort: [{ 'keyhound.updatedAt': 'desc' }, { 'keyhound.id': 'asc' }],
    limit: filter.limit ?? INCIDENTS_DEFAULT,
  };
}

/** Rows below `keyhound`, page by page. An alias without an index yet has none. */
async function searchAll<Row>(
  connection: Connection,
  kind: Kind,
  { query, sort, limit }: Query,
): Promise<Row[]> {
  const rows: Row[] = [];
  let after: estypes.SortResults | undefined;
  try {
    while (rows.length < limit) {
      const size = Math.min(PAGE, limit - rows.length);
      const { hits } = await connection.client.search<{ keyhound: Row }>({
        index: aliasOf(connection.prefix, kind),
        ignore_unavailable: true,
        // An answer without some of its shards would look like rows that are gone.
        allow_partial_search_results: false,
        track_total_hits: false,
        query,
        sort,
        size,
        ...(after === undefined ? {} : { search_after: after }),
      });
      // The whole source, as only that comes back byte by byte; numbers are exact in it.
      for (const { _source } of hits.hits) if (_source !== undefined) rows.push(_source.keyhound);
      after = hits.hits.at(-1)?.sort;
      if (hits.hits.length < size) break;
    }
  } catch (error) {
    throw asOperating(error, connection);
  }
  return rows;
}
