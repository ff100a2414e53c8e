import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { href, parseRoute, PATTERNS } from '../src/lib/router';

test('addresses lead to pages', () => {
  expect(parseRoute('')).toMatchObject({ page: 'overview', path: '/' });
  expect(parseRoute('#/tasks')).toMatchObject({ page: 'tasks' });
  expect(parseRoute('#/tasks/ab12')).toMatchObject({ page: 'task', params: { id: 'ab12' } });
  expect(parseRoute('#/tasks/ab12/logs')).toMatchObject({ page: 'task', params: { id: 'ab12', tab: 'logs' } });
  expect(parseRoute('#/jobs/a%2Fb%401.0')).toMatchObject({ page: 'job', params: { job: 'a/b@1.0' } });
  expect(parseRoute('#/tasks/')).toMatchObject({ page: 'tasks', path: '/tasks' });
});

test('an unknown or broken address is a page that says so', () => {
  expect(parseRoute('#/nowhere').page).toBe('missing');
  expect(parseRoute('#/tasks/a/b/c').page).toBe('missing');
  expect(parseRoute('#/jobs/%E0%A4%A').params).toEqual({ job: '%E0%A4%A' });
});

test('queries go there and back', () => {
  const route = parseRoute(href('/submit', { job: 'a b&c=d', from: undefined, n: 5, empty: '' }));
  expect(route.page).toBe('submit');
  expect(Object.fromEntries(route.query)).toEqual({ job: 'a b&c=d', n: '5' });
});

test('every pattern has its page', () => {
  for (const [, page] of PATTERNS) expect(existsSync(`src/pages/${page}/Page.svelte`), page).toBe(true);
});
