import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { t, tn } from '../src/lib/i18n';
import en from '../src/strings/en.json';
import ru from '../src/strings/ru.json';

const PLURAL = /_(zero|one|two|few|many|other)$/;
const base = (key: string) => key.replace(PLURAL, '');
const isPlural = (table: object, key: string) => PLURAL.test(key) && `${base(key)}_other` in table;
const bases = (table: object) => [...new Set(Object.keys(table).map((key) => (isPlural(table, key) ? base(key) : key)))].sort();

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.(svelte|ts)$/.test(entry.name) && !/\.test\.ts$/.test(entry.name) ? [readFileSync(path, 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '')] : [];
  });
}

const source = sources('src').join('\n');

/** Keys written out: any quoted text that looks like `word.word`; and the beginnings of those put together. */
const literals = new Set([...source.matchAll(/['"`]([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)['"`]/g)].map((found) => found[1] ?? ''));
const prefixes = [...new Set([...source.matchAll(/`([a-z][a-z0-9_]*\.[a-z0-9_.]*)\$\{/g)].map((found) => found[1] ?? ''))];

test('both languages have the same keys', () => {
  expect(bases(ru)).toEqual(bases(en));
});

test('every plural has the forms its language needs', () => {
  for (const [table, locale] of [[en, 'en'], [ru, 'ru']] as const) {
    const forms = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
    for (const key of bases(table).filter((one) => `${one}_other` in table)) {
      for (const form of forms) expect(Object.keys(table), `${locale}`).toContain(`${key}_${form}`);
    }
  }
});

test('no text is empty, and placeholders are the same', () => {
  const names = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]))].sort().join();
  for (const [key, text] of Object.entries(ru)) {
    expect(text.trim(), key).not.toBe('');
    const english = (en as Record<string, string>)[key] ?? (en as Record<string, string>)[`${base(key)}_other`] ?? '';
    expect(english.trim(), key).not.toBe('');
    expect(names(text), key).toBe(names(english));
  }
});

test('no key is unused', () => {
  const unused = bases(en).filter((key) => !literals.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)));
  expect(unused).toEqual([]);
});

test('no key is missing', () => {
  const used = [...source.matchAll(/\b(tn?)\(\s*'([^']+)'/g)];
  expect(used.length).toBeGreaterThan(50);
  const missing = used
    .filter(([, name, key]) => !((name === 'tn' ? `${key}_other` : (key ?? '')) in en))
    .map(([, , key]) => key);
  expect(missing).toEqual([]);
  // What is put together must have at least one key.
  const empty = prefixes.filter((prefix) => /\bt[nM]?\w*\(`$/.test(source.slice(0, source.indexOf(`\`${prefix}\${`) + 1)))
    .filter((prefix) => !Object.keys(en).some((key) => key.startsWith(prefix)));
  expect(empty).toEqual([]);
});

test('words are filled in', () => {
  expect(t('ui.needs_role', { role: 'admin' })).toContain('“admin”');
  expect(tn('live.retry_in', 1)).toBe('Next attempt in 1 second.');
  expect(tn('live.retry_in', 1200)).toBe('Next attempt in 1,200 seconds.');
});
