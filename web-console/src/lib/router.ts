// Routes behind the hash: `#/tasks/ID?tab=logs`. The page is a pattern's name; what follows `?` belongs to the page.
import { signal } from './signal';

export interface Route {
  /** Name of the page, a folder of src/pages; `missing` when no pattern fits. */
  page: string;
  /** The parts named in the pattern. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** Path without the query. */
  path: string;
}

/** Pattern and page. `:name` is one part, `:name?` an optional last one. The first that fits wins. */
export const PATTERNS: [string, string][] = [
  ['/', 'overview'],
  ['/submit', 'submit'],
  ['/tasks', 'tasks'],
  ['/tasks/:id/:tab?', 'task'],
  ['/jobs', 'jobs'],
  ['/jobs/:job', 'job'],
  ['/blobs/:hash?', 'blobs'],
  ['/nodes/:node?', 'nodes'],
  ['/prices', 'prices'],
  ['/ledger/:peer?', 'ledger'],
  ['/reputation', 'reputation'],
  ['/settings/:tab?', 'settings'],
  ['/audit', 'audit'],
  ['/login', 'login'],
];

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#/, '') || '/';
  const [rawPath = '/', rawQuery = ''] = splitOnce(text, '?');
  const path = '/' + rawPath.split('/').filter(Boolean).join('/');
  const query = new URLSearchParams(rawQuery);
  const parts = path.split('/').filter(Boolean);
  for (const [pattern, page] of PATTERNS) {
    const params = fit(pattern.split('/').filter(Boolean), parts);
    if (params) return { page, params, query, path };
  }
  return { page: 'missing', params: {}, query, path };
}

function splitOnce(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

function fit(pattern: string[], parts: string[]): Record<string, string> | null {
  if (parts.length > pattern.length) return null;
  const params: Record<string, string> = {};
  for (const [i, want] of pattern.entries()) {
    const part = parts[i];
    if (!want.startsWith(':')) {
      if (want !== part) return null;
    } else if (part !== undefined) {
      params[want.slice(1).replace(/\?$/, '')] = decode(part);
    } else if (!want.endsWith('?')) {
      return null;
    }
  }
  return params;
}

/** A wrong percent sign in an address is no reason to fail. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page, for `href`. Values that are undefined or empty are left out of the query. */
export function href(path: string, query: Record<string, string | number | undefined | null> = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') params.set(key, String(value));
  }
  const text = params.toString();
  return `#${path}${text ? `?${text}` : ''}`;
}

export const route = signal<Route>(parseRoute(typeof location === 'undefined' ? '' : location.hash));

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const hash = to.startsWith('#') ? to : `#${to}`;
  if (options.replace) {
    history.replaceState(null, '', hash);
    route.value = parseRoute(hash);
  } else {
    location.hash = hash;
  }
}

/** Changes the query of this page in place, without a new entry in the history. */
export function setQuery(changes: Record<string, string | number | undefined | null>): void {
  const current = route.peek();
  const merged = { ...Object.fromEntries(current.query), ...changes };
  navigate(href(current.path, merged), { replace: true });
}

export function startRouter(): void {
  window.addEventListener('hashchange', () => {
    route.value = parseRoute(location.hash);
  });
}
