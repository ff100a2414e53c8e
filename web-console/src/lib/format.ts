// Numbers and times for people, in the language in use. All are reactive through `locale()`.
import { locale, t } from './i18n';

const cache = new Map<string, Intl.NumberFormat>();

function number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale() + JSON.stringify(options);
  const found = cache.get(key) ?? new Intl.NumberFormat(locale(), options);
  cache.set(key, found);
  return found;
}

/** A count, with thousands grouped. */
export function count(n: number | bigint): string {
  return number({ maximumFractionDigits: 0 }).format(n);
}

/** At most this many digits after the point. */
export function decimal(n: number, digits = 2): string {
  return number({ maximumFractionDigits: digits }).format(n);
}

/** Short: 12.3K, 4M. */
export function compact(n: number): string {
  return number({ notation: 'compact', maximumSignificantDigits: 3 }).format(n);
}

/** A share of one, as percent. */
export function percent(share: number, digits = 0): string {
  return number({ style: 'percent', maximumFractionDigits: digits }).format(share);
}

/** Micro-credits as credits: all digits that matter, at least two, without the word. */
export function credits(micro: number): string {
  const value = micro / 1e6;
  const digits = Math.abs(value) >= 100 ? 2 : Math.abs(value) >= 1 ? 4 : 6;
  return number({ minimumFractionDigits: 2, maximumFractionDigits: digits }).format(value);
}

const BYTE_UNITS = {
  en: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'],
  ru: ['Б', 'КиБ', 'МиБ', 'ГиБ', 'ТиБ', 'ПиБ'],
};

export function bytes(n: number): string {
  const units = BYTE_UNITS[locale()];
  let value = n;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${number({ maximumFractionDigits: digits }).format(value)} ${units[unit]}`;
}

/** A span of milliseconds: 340 ms, 4.2 s, 3 min 05 s, 2 h 10 min, 3 d 4 h. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  const negative = ms < 0 ? '−' : '';
  const abs = Math.abs(ms);
  if (abs < 1) return `${negative}${decimal(abs * 1000, 0)} ${t('unit.us')}`;
  if (abs < 1_000) return `${negative}${decimal(abs, abs < 10 ? 1 : 0)} ${t('unit.ms')}`;
  if (abs < 59_950) return `${negative}${decimal(abs / 1_000, abs < 9_950 ? 1 : 0)} ${t('unit.s')}`;
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string) =>
    `${negative}${big} ${bigUnit}${small ? ` ${String(small).padStart(2, '0')} ${smallUnit}` : ''}`;
  const seconds = Math.round(abs / 1_000);
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), t('unit.min'), seconds % 60, t('unit.s'));
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), t('unit.h'), minutes % 60, t('unit.min'));
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), t('unit.d'), hours % 24, t('unit.h'));
}

/** How long ago, or in how long. */
export function relative(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1_000);
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'short' });
  const abs = Math.abs(seconds);
  if (abs < 5) return t('time.now');
  if (abs < 60) return format.format(seconds, 'second');
  if (abs < 3_600) return format.format(Math.trunc(seconds / 60), 'minute');
  if (abs < 86_400) return format.format(Math.trunc(seconds / 3_600), 'hour');
  return format.format(Math.trunc(seconds / 86_400), 'day');
}

/** Date and time to the second, in the browser's time zone. */
export function dateTime(at: number): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' }).format(at);
}

/** Time of day to the second. */
export function clock(at: number): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: 'medium', hourCycle: 'h23' }).format(at);
}

/** The first digits of a hash or id. */
export function shortHash(hash: string, digits = 8): string {
  return hash.slice(0, digits);
}

/** Reads `30s`, `5m`, `1h 30m`, `250ms`, or plain seconds, as milliseconds; null when it is no time. */
export function parseDuration(text: string): number | null {
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
  const trimmed = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * 1_000);
  if (!/^(\d+(\.\d+)?\s*(ms|s|min|m|h|d)\s*)+$/.test(trimmed)) return null;
  let sum = 0;
  for (const [, digits, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)/g)) {
    sum += Number(digits) * (units[unit ?? ''] ?? 0);
  }
  return Math.round(sum);
}

/** A time as the command line takes it: the largest unit that is exact. */
export function durationArg(ms: number): string {
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
