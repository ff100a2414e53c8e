// Light or dark: the system's choice, or the user's.
import { load, store } from './i18n';
import { signal } from './signal';

export type ThemeChoice = 'system' | 'light' | 'dark';

const STORAGE_KEY = 'p2pjob.theme';

export const themeChoice = signal<ThemeChoice>('system');
/** What is shown. */
export const theme = signal<'light' | 'dark'>('light');

function apply(): void {
  const choice = themeChoice.peek();
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  theme.value = choice === 'system' ? (dark ? 'dark' : 'light') : choice;
  document.documentElement.dataset['theme'] = theme.peek();
}

export function setTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  store(STORAGE_KEY, choice);
  apply();
}

export function startTheme(): void {
  const stored = load(STORAGE_KEY);
  if (stored === 'light' || stored === 'dark') themeChoice.value = stored;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply);
  apply();
}
