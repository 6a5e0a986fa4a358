/** Asks the response of the instance that runs on a state, through its API. */
import type { ResponseClient } from '../../core/response.ts';

type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** The API, as the client of the state has it: errors are thrown, `find` answers undefined for what is not there. */
export interface ResponseApi {
  get<T>(path: string, parameters?: Parameters): Promise<T>;
  find<T>(path: string): Promise<T | undefined>;
  post<T>(path: string, body: object): Promise<T>;
  findPosted<T>(path: string, body: object): Promise<T | undefined>;
}

export function createResponseApi(api: ResponseApi): ResponseClient {
  const inPath = encodeURIComponent;
  return {
    responseStatus: () => api.get('/response'),
    async decisions({ limit, sinceAt, state, subjectId }) {
      const parameters = { limit, since: sinceAt, state, subject: subjectId };
      const answer = await api.get<{ decisions: never }>('/decisions', parameters);
      return answer.decisions;
    },
    decision: (id) => api.find(`/decisions/${inPath(id)}`),
    async actions({ limit, sinceAt, state, gateway, subjectId }) {
      const parameters = { limit, since: sinceAt, state, gateway, subject: subjectId };
      return (await api.get<{ actions: never }>('/actions', parameters)).actions;
    },
    action: (id) => api.find(`/actions/${inPath(id)}`),
    command: (request) => api.post('/commands', request),
    approve: (id, request) => api.findPosted(`/decisions/${inPath(id)}/approval`, request),
    stop: (request) => api.post('/actions/stop', request),
    async reconcile(request) {
      return (await api.post<{ discrepancies: never }>('/actions/reconcile', request))
        .discrepancies;
    },
    verifyAudit: async () => (await api.get<{ chains: never }>('/audit/verification')).chains,
    async testChannels(name) {
      const body = name === undefined ? {} : { name };
      return (await api.post<{ channels: never }>('/channels/test', body)).channels;
    },
  };
}
