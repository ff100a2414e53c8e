import { expect, test } from 'vitest';
import { bytes, credits, duration, durationArg, parseDuration, percent, relative, shortHash } from '../src/lib/format';

test('credits show the digits that matter', () => {
  expect(credits(0)).toBe('0.00');
  expect(credits(12)).toBe('0.000012');
  expect(credits(5_900)).toBe('0.0059');
  expect(credits(1_500_800)).toBe('1.5008');
  expect(credits(99_982_288)).toBe('99.9823');
  expect(credits(-17_712)).toBe('-0.017712');
  expect(credits(1_234_567_890_000)).toBe('1,234,567.89');
});

test('bytes by 1024', () => {
  expect([0, 1, 1023, 1024, 1536, 10_485_760, 5 * 2 ** 40].map(bytes)).toEqual(['0 B', '1 B', '1,023 B', '1 KiB', '1.5 KiB', '10 MiB', '5 TiB']);
});

test('durations at every size', () => {
  const shown = [0.25, 4.25, 340, 4_200, 42_000, 59_949, 59_950, 185_000, 3_600_000, 7_800_000, 273_600_000].map(duration);
  expect(shown).toEqual(['250 µs', '4.3 ms', '340 ms', '4.2 s', '42 s', '60 s', '1 min', '3 min 05 s', '1 h', '2 h 10 min', '3 d 04 h']);
});

test('relative times', () => {
  expect(relative(1_000, 3_000)).toBe('just now');
  expect(relative(0, 59_000)).toMatch(/59 sec/);
  expect(relative(0, 3_599_000)).toMatch(/59 min/);
  expect(relative(0, 172_800_000)).toMatch(/2 days ago/);
});

test('times as they are typed', () => {
  expect(['30s', '5m', '1h 30m', '250ms', '90', '1.5h', '2min'].map(parseDuration)).toEqual([30_000, 300_000, 5_400_000, 250, 90_000, 5_400_000, 120_000]);
  expect(['', 'soon', '5 parsecs', '-3s', '5m!'].map(parseDuration)).toEqual([null, null, null, null, null]);
});

test('times as the command line takes them', () => {
  expect([250, 1_000, 90_000, 300_000, 7_200_000].map(durationArg)).toEqual(['250ms', '1s', '90s', '5m', '2h']);
  for (const ms of [1, 999, 61_000, 86_400_000]) expect(parseDuration(durationArg(ms))).toBe(ms);
});

test('small things', () => {
  expect(percent(0.4567, 1)).toBe('45.7%');
  expect(shortHash('abcdef0123456789')).toBe('abcdef01');
});
