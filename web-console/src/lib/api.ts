// The node's HTTP API, typed. Every failure is an ApiProblem with words for a person; an aborted call throws the browser's
// AbortError. Reads are tried again when the network is lost, writes only where that is safe.
import { parseJson, stringifyJson, type Json, type JsonObject } from './json';
import { signal } from './signal';
import type * as T from './types';

export const BASE = '/api/v1';

/** Pauses before a read is tried again after a lost connection, in milliseconds. */
const RETRY_PAUSES_MS = [300, 1_000, 3_000];
/** How long an ordinary answer may take. Quotes plan the task in a sandbox and get longer. */
const TIMEOUT_MS = 20_000;
const SLOW_TIMEOUT_MS = 120_000;

export class ApiProblem extends Error {
  constructor(
    /** HTTP status; 0: the node was not reached. */
    readonly status: number,
    /** Stable code such as `bad_input`; `network`, `timeout` and `bad_answer` are made here. */
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly remedy: string,
    readonly errors: T.FieldError[] = [],
  ) {
    super(detail || title);
    this.name = 'ApiProblem';
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Any thrown thing as a problem that can be shown. */
export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem(0, 'console', '', detail, '');
}

/** Who the console speaks as. undefined: not known yet; null: nobody, log in first. */
export const session = signal<T.Session | null | undefined>(undefined);

const ROLES: T.Role[] = ['viewer', 'submitter', 'operator', 'admin'];

/** Whether the session may do what needs this role. Reactive. */
export function can(role: T.Role): boolean {
  const current = session.value;
  return !!current && ROLES.indexOf(current.role) >= ROLES.indexOf(role);
}

/** Whether a task of this owner may be changed: operators anybody's, others their own. Reactive. */
export function mayChange(owner: string): boolean {
  const own = session.value?.anonymous ? '' : session.value?.name;
  return can('operator') || (can('submitter') && owner === own);
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface CallOptions {
  query?: Query | undefined;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  /** A JSON body. Bigint keeps its digits. */
  json?: unknown;
  /** Any other body. */
  body?: BodyInit;
  timeoutMs?: number;
  /** Whether the call may be sent again when its answer was lost. Default: for reads, PUT and DELETE. */
  repeatable?: boolean;
  /** Keep whole numbers beyond 2^53 as bigint. */
  lossless?: boolean;
}

export function urlOf(path: string, query?: Query): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') params.set(key, String(value));
  }
  const text = params.toString();
  const base = path.startsWith('/') ? BASE + path : path;
  return text ? `${base}?${text}` : base;
}

/** A part of a path. */
const seg = encodeURIComponent;

/** One request, retried as its options say; the answer is good (2xx or 304). */
export async function send(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const repeatable = options.repeatable ?? method !== 'POST';
  for (let attempt = 0; ; attempt += 1) {
    try {
      const response = await once(method, path, options);
      if (response.ok || response.status === 304) return response;
      throw await problemOf(response, path);
    } catch (error) {
      const pause = RETRY_PAUSES_MS[attempt];
      const lost = error instanceof ApiProblem && error.status === 0 && error.code === 'network';
      if (!lost || !repeatable || pause === undefined) throw error;
      await sleep(pause, options.signal);
    }
  }
}

async function once(method: string, path: string, options: CallOptions): Promise<Response> {
  const headers = new Headers({ accept: 'application/json', ...options.headers });
  if (options.json !== undefined) headers.set('content-type', 'application/json');
  const csrf = session.peek()?.csrf_header;
  if (method !== 'GET' && method !== 'HEAD') headers.set(csrf || 'x-p2pjob-csrf', '1');
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const body = options.json !== undefined ? stringifyJson(options.json as Json) : options.body;
  try {
    return await fetch(urlOf(path, options.query), {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      credentials: 'same-origin',
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    });
  } catch (error) {
    if (options.signal?.aborted) throw new DOMException('aborted', 'AbortError');
    if (timeout.aborted) throw new ApiProblem(0, 'timeout', '', '', '');
    throw new ApiProblem(0, 'network', '', '', '', []);
  }
}

/** Reads a problem+json answer; anything else becomes a problem that names the status. */
export async function problemOf(response: Response, path = ''): Promise<ApiProblem> {
  if (response.status === 401 && path !== '/session') session.value = null;
  const text = await response.text().catch(() => '');
  try {
    const body = JSON.parse(text) as Partial<ApiProblem>;
    return new ApiProblem(
      response.status,
      body.code ?? `http_${response.status}`,
      body.title ?? response.statusText,
      body.detail ?? '',
      body.remedy ?? '',
      body.errors ?? [],
    );
  } catch {
    return new ApiProblem(response.status, `http_${response.status}`, response.statusText, text.slice(0, 300), '');
  }
}

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new DOMException('aborted', 'AbortError'));
    };
    if (signal?.aborted) return abort();
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

async function call<R>(method: string, path: string, options: CallOptions = {}): Promise<R> {
  const response = await send(method, path, options);
  if (response.status === 204) return undefined as R;
  const text = await response.text();
  try {
    return (options.lossless ? parseJson(text) : JSON.parse(text)) as R;
  } catch {
    throw new ApiProblem(response.status, 'bad_answer', '', text.slice(0, 200), '');
  }
}

type S = AbortSignal | undefined;
const get = <R>(path: string, signal?: S, query?: Query, more?: CallOptions) =>
  call<R>('GET', path, { ...more, signal, query });
const post = <R>(path: string, json?: unknown, more?: CallOptions) =>
  call<R>('POST', path, { ...more, ...(json === undefined ? {} : { json }) });

export interface TaskFilter {
  [key: string]: string | number | undefined;
  status?: string;
  job?: string;
  owner?: string;
  since?: number;
  until?: number;
  q?: string;
  cursor?: string;
  limit?: number;
}

export const api = {
  // Session
  session: (signal?: S) => get<T.Session>('/session', signal),
  login: (token: string) => post<T.Session>('/session', { token }),
  logout: () => call<void>('DELETE', '/session'),

  // Jobs
  jobs: (signal?: S, query?: { cursor?: string; limit?: number; q?: string }) =>
    get<T.Page<T.Job>>('/jobs', signal, { limit: 500, ...query }, { lossless: true }),
  job: (job: string, signal?: S) => get<T.Job>(`/jobs/${seg(job)}`, signal, undefined, { lossless: true }),
  publishHash: (component: string) => post<T.Job>('/jobs', { component }, { lossless: true, timeoutMs: SLOW_TIMEOUT_MS }),

  // Tasks
  quote: (request: T.TaskRequest, signal?: S) =>
    post<T.Quote>('/quote', request, { signal, repeatable: true, timeoutMs: SLOW_TIMEOUT_MS }),
  submit: (request: T.TaskRequest, idempotencyKey: string) =>
    post<T.Task>('/tasks', request, {
      headers: { 'idempotency-key': idempotencyKey },
      repeatable: true,
      timeoutMs: SLOW_TIMEOUT_MS,
    }),
  tasks: (filter: TaskFilter = {}, signal?: S) => get<T.Page<T.Task>>('/tasks', signal, filter),
  task: (id: string, signal?: S) => get<T.Task>(`/tasks/${seg(id)}`, signal, undefined, { lossless: true }),
  cancel: (id: string, reason: string) => post<T.Task>(`/tasks/${seg(id)}/cancel`, { reason }, { repeatable: true }),
  taskRequest: (id: string, signal?: S) =>
    get<T.TaskRequest>(`/tasks/${seg(id)}/request`, signal, undefined, { lossless: true }),
  /** The journal of the whole node, a page from position `from` on. */
  events: (query: { from?: number; cursor?: string; limit?: number; types?: string }, signal?: S) =>
    get<T.Page<T.EventView>>('/events', signal, query),
  taskEvents: (id: string, query: { from?: number; limit?: number }, signal?: S) =>
    get<T.Page<T.EventView>>(`/tasks/${seg(id)}/events`, signal, query),
  chunks: <C>(id: string, query: { from?: number; limit?: number }, signal?: S) =>
    get<T.Page<C>>(`/tasks/${seg(id)}/chunks`, signal, query),
  chunk: <C>(id: string, chunk: number, signal?: S) => get<C>(`/tasks/${seg(id)}/chunks/${chunk}`, signal),
  explain: <E>(id: string, signal?: S) => get<E>(`/tasks/${seg(id)}/explain`, signal),
  logs: <L>(id: string, chunk?: number, signal?: S) => get<L>(`/tasks/${seg(id)}/logs`, signal, { chunk }),
  receipts: <R>(id: string, signal?: S) => get<R>(`/tasks/${seg(id)}/receipts`, signal),
  resultUrl: (id: string) => urlOf(`/tasks/${seg(id)}/result`),
  /** The result's bytes; `range` is a Range header such as `bytes=0-65535`. */
  result: (id: string, signal?: S, range?: string) =>
    send('GET', `/tasks/${seg(id)}/result`, {
      signal,
      headers: { accept: '*/*', ...(range ? { range } : {}) },
      timeoutMs: SLOW_TIMEOUT_MS,
    }),
  replay: <R>(id: string, chunk: number, attempt?: number) =>
    post<R>(`/tasks/${seg(id)}/replay`, { chunk, ...(attempt === undefined ? {} : { attempt }) }, { timeoutMs: SLOW_TIMEOUT_MS }),

  // Blobs
  blobs: (query: { cursor?: string; limit?: number } = {}, signal?: S) => get<T.Page<T.Blob>>('/blobs', signal, query),
  blobUrl: (hash: string) => urlOf(`/blobs/${seg(hash)}`),
  blob: (hash: string, signal?: S, range?: string) =>
    send('GET', `/blobs/${seg(hash)}`, {
      signal,
      headers: { accept: '*/*', ...(range ? { range } : {}) },
      timeoutMs: SLOW_TIMEOUT_MS,
    }),
  /** Size of a blob that is complete at this node; null when it is not here. */
  blobSize: async (hash: string, signal?: S): Promise<number | null> => {
    try {
      const response = await send('HEAD', `/blobs/${seg(hash)}`, { query: { local: true }, signal });
      return Number(response.headers.get('content-length') ?? 0);
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404) return null;
      throw error;
    }
  },
  pins: (hash: string, signal?: S) => get<T.Page<string> | string[]>(`/blobs/${seg(hash)}/pins`, signal),
  pin: (hash: string, name: string) => call<void>('PUT', `/blobs/${seg(hash)}/pins/${seg(name)}`),
  unpin: (hash: string, name: string) => call<void>('DELETE', `/blobs/${seg(hash)}/pins/${seg(name)}`),

  // Network
  status: (signal?: S) => get<T.NetworkStatus>('/network/status', signal),
  peers: (signal?: S) => get<T.Page<T.Peer>>('/peers', signal, { limit: 500 }),
  ledger: (signal?: S) => get<T.Ledger>('/ledger', signal),
  prices: (signal?: S) => get<T.Prices>('/prices', signal),
  doctor: async (signal?: S): Promise<T.Finding[]> => {
    const answer = await get<T.Finding[] | T.Page<T.Finding>>('/doctor', signal);
    return Array.isArray(answer) ? answer : answer.items;
  },

  // History
  history: <R>(what: 'tasks' | 'chunks' | 'load' | 'prices', query: Query, signal?: S) =>
    get<T.Page<R>>(`/history/${what}`, signal, query),

  // Webhooks, tokens, audit
  webhooks: <W>(signal?: S) => get<T.Page<W>>('/webhooks', signal),
  webhook: <W>(id: string, signal?: S) => get<W>(`/webhooks/${seg(id)}`, signal),
  createWebhook: <W>(body: JsonObject) => post<W>('/webhooks', body),
  deleteWebhook: (id: string) => call<void>('DELETE', `/webhooks/${seg(id)}`),
  testWebhook: <W>(id: string) => post<W>(`/webhooks/${seg(id)}/test`),
  deliveries: <D>(state: 'pending' | 'dead' | undefined, signal?: S, cursor?: string) =>
    get<T.Page<D>>('/webhooks/deliveries', signal, { state, cursor }),
  resend: (id: string) => post<unknown>(`/webhooks/deliveries/${seg(id)}/resend`),
  tokens: <K>(signal?: S) => get<T.Page<K>>('/tokens', signal),
  createToken: <K>(body: JsonObject) => post<K>('/tokens', body),
  deleteToken: (id: string) => call<void>('DELETE', `/tokens/${seg(id)}`),
  audit: <A>(query: { from?: number; limit?: number; cursor?: string }, signal?: S) =>
    get<T.Page<A>>('/audit', signal, query),
  verifyAudit: <A>(signal?: S) => get<A>('/audit/verify', signal, undefined, { timeoutMs: SLOW_TIMEOUT_MS }),
};

/** Reads who we are. A node that wants a token answers 401: then the session is null. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await api.session();
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 401) session.value = null;
    else throw error;
  }
}
