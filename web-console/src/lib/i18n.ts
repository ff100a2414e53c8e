// Words. English is built in; another language is loaded when it is chosen. `t('key')` in a component is drawn again when
// the language changes. Plural forms are keys that end with `_one`, `_few`, `_many`, `_other`, chosen by `tn`.
import en from '../strings/en.json';
import { signal } from './signal';

export type Key = keyof typeof en;
/** A key of `tn`: those with plural forms, without their ends. */
export type PluralKey = { [K in Key]: K extends `${infer Base}_other` ? Base : never }[Key];
export type Locale = 'en' | 'ru';
export type Vars = Record<string, string | number>;

export const LOCALES: { id: Locale; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'ru', name: 'Русский' },
];

const STORAGE_KEY = 'p2pjob.locale';

interface Words {
  locale: Locale;
  table: Record<string, string>;
}

const words = signal<Words>({ locale: 'en', table: en });

/** The language in use. Reactive. */
export function locale(): Locale {
  return words.value.locale;
}

/** The text of a key, with `{name}` replaced. */
export function t(key: Key, vars?: Vars): string {
  return fill(words.value.table[key] ?? en[key] ?? key, vars);
}

/** The text of a key that only the server knows (`status.x`); `fallback` when there is none. */
export function tMaybe(key: string, fallback: string): string {
  return words.value.table[key] ?? (en as Record<string, string>)[key] ?? fallback;
}

/** The text of a key for a number: `{n}` is the number, in the form that the language wants. */
export function tn(key: PluralKey, n: number, vars?: Vars): string {
  const { table, locale } = words.value;
  const form = new Intl.PluralRules(locale).select(n);
  const english = en as Record<string, string>;
  const text = table[`${key}_${form}`] ?? table[`${key}_other`] ?? english[`${key}_other`] ?? key;
  return fill(text, { n: new Intl.NumberFormat(locale).format(n), ...vars });
}

function fill(text: string, vars?: Vars): string {
  if (!vars) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in vars ? String(vars[name]) : whole));
}

export async function setLocale(next: Locale, remember = true): Promise<void> {
  const table: Record<string, string> = next === 'ru' ? (await import('../strings/ru.json')).default : en;
  words.value = { locale: next, table };
  document.documentElement.lang = next;
  if (remember) store(STORAGE_KEY, next);
}

/** The language chosen before, else the browser's. */
export async function startLocale(): Promise<void> {
  const stored = load(STORAGE_KEY);
  const wanted = [stored, ...navigator.languages].map((tag) => tag?.slice(0, 2));
  const found = wanted.find((tag) => tag === 'en' || tag === 'ru') as Locale | undefined;
  if (found && found !== 'en') await setLocale(found, false).catch(() => {});
}

/** Storage may be forbidden; then choices last as long as the page. */
export function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing depends on it.
  }
}

export function load(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
