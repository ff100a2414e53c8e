// Pages are folders of src/pages with a Page.svelte; each is a chunk of its own, loaded when it is opened.
import type { Component } from 'svelte';
import type { IconName } from './components/Icon.svelte';
import type { Key } from './lib/i18n';
import type { Role } from './lib/types';

type Loader = () => Promise<{ default: Component }>;

const LOADERS = import.meta.glob<{ default: Component }>('./pages/*/Page.svelte');

export function pageLoader(name: string): Loader | undefined {
  return LOADERS[`./pages/${name}/Page.svelte`];
}

export interface NavItem {
  page: string;
  /** Other pages that belong to this entry. */
  also?: string[];
  path: string;
  title: Key;
  icon: IconName;
  /** Least role that may open it; others see it, and why not. */
  role?: Role;
}

export const NAVIGATION: { title: Key | null; items: NavItem[] }[] = [
  {
    title: null,
    items: [
      { page: 'overview', path: '/', title: 'nav.overview', icon: 'overview' },
      { page: 'tasks', also: ['task'], path: '/tasks', title: 'nav.tasks', icon: 'tasks' },
      { page: 'jobs', also: ['job'], path: '/jobs', title: 'nav.jobs', icon: 'jobs' },
      { page: 'blobs', path: '/blobs', title: 'nav.blobs', icon: 'blobs' },
    ],
  },
  {
    title: 'nav.group_network',
    items: [
      { page: 'nodes', path: '/nodes', title: 'nav.nodes', icon: 'nodes' },
      { page: 'prices', path: '/prices', title: 'nav.prices', icon: 'prices' },
      { page: 'ledger', path: '/ledger', title: 'nav.ledger', icon: 'ledger' },
      { page: 'reputation', path: '/reputation', title: 'nav.reputation', icon: 'reputation' },
    ],
  },
  {
    title: 'nav.group_admin',
    items: [
      { page: 'settings', path: '/settings', title: 'nav.settings', icon: 'settings' },
      { page: 'audit', path: '/audit', title: 'nav.audit', icon: 'audit', role: 'admin' },
    ],
  },
];
